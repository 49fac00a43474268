/*
 * What newlib asks of a system, for a program with one thread and no files: a heap that grows by
 * runs of frames, standard output and standard error on the console, and an end.
 */
#include <errno.h>
#include <malloc.h>
#include <reent.h>
#include <rt/again.h>
#include <rt/console.h>
#include <rt/frames.h>
#include <rt/start.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEAP_PAGES (1u << 20) /* of addresses: 4 GiB */
#define GROW_PAGES 64u        /* at least so many frames at a time */

struct _reent *__getreent(void);
_Noreturn void _exit(int code);
int kill(pid_t process, int signal);

static struct {
    char *base;
    uint64_t used, mapped; /* bytes */
} heap;

/* There is one thread; its state is newlib's own. */
struct _reent *
__getreent(void)
{
    static struct _reent state;
    static bool begun;
    if (!begun) {
        begun = true;
        _REENT_INIT_PTR_ZEROED(&state);
    }
    return &state;
}

static bool
grow(uint64_t bytes)
{
    uint64_t pages = (bytes + EXO_PAGE_BYTES - 1) / EXO_PAGE_BYTES;
    pages = pages > GROW_PAGES ? pages : GROW_PAGES;
    while (pages > 0 && heap.mapped / EXO_PAGE_BYTES + pages <= HEAP_PAGES) {
        uint32_t slot = rt_slot_take();
        uint32_t want = (uint32_t)(pages < EXO_ALLOC_MAX ? pages : EXO_ALLOC_MAX);
        struct exo_frames run = exo_frames_alloc(EXO_BOOT_CELL, slot, want, EXO_ALLOC_ANY, 0);
        uint64_t at = (uint64_t)(uintptr_t)heap.base + heap.mapped;
        if (run.status != EXO_OK || rt_map_pages(at, slot, 0, (uint32_t)run.count,
                                                 EXO_PROT_READ | EXO_PROT_WRITE) != EXO_OK) {
            (void)rt_drop(slot);
            rt_slot_put(slot);
            return false;
        }
        heap.mapped += run.count * EXO_PAGE_BYTES;
        pages -= run.count < pages ? run.count : pages;
    }
    return pages == 0;
}

/* The heap never shrinks: what malloc gives back stays for the next one. */
void *
sbrk(ptrdiff_t change)
{
    uint64_t more = (uint64_t)change;
    if (heap.base == NULL)
        heap.base = (char *)(uintptr_t)rt_va_take(HEAP_PAGES, 0);
    if (change < 0 || (more > heap.mapped - heap.used && !grow(more - (heap.mapped - heap.used)))) {
        errno = ENOMEM;
        return (void *)-1;
    }
    heap.used += more;
    return heap.base + heap.used - more;
}

int
posix_memalign(void **memory, size_t align, size_t bytes)
{
    *memory = memalign(align, bytes);
    return *memory == NULL ? ENOMEM : 0;
}

void
_exit(int code)
{
    rt_exit(code);
}

_READ_WRITE_RETURN_TYPE
write(int file, const void *bytes, size_t count)
{
    if (file != STDOUT_FILENO && file != STDERR_FILENO) {
        errno = EBADF;
        return -1;
    }
    rt_write(bytes, count);
    return (_READ_WRITE_RETURN_TYPE)count;
}

/* --- There are no files: errors that say so
 * ------------------------------------------------------- */

static int
no_file(void)
{
    errno = EBADF;
    return -1;
}

_READ_WRITE_RETURN_TYPE
read(int file, void *bytes, size_t count)
{
    (void)file;
    (void)bytes;
    (void)count;
    return no_file();
}

int
close(int file)
{
    (void)file;
    return no_file();
}

off_t
lseek(int file, off_t offset, int whence)
{
    (void)file;
    (void)offset;
    (void)whence;
    return no_file();
}

int
fstat(int file, struct stat *status)
{
    if (file != STDOUT_FILENO && file != STDERR_FILENO)
        return no_file();
    *status = (struct stat){.st_mode = S_IFCHR};
    return 0;
}

int
isatty(int file)
{
    return file == STDOUT_FILENO || file == STDERR_FILENO;
}

pid_t
getpid(void)
{
    return 1;
}

int
kill(pid_t process, int signal)
{
    (void)process;
    _exit(128 + signal); /* abort() sends itself a signal */
}
