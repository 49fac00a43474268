/* Memory: the heap of malloc, and mmap. */
#include "private.h"

#include <malloc.h>
#include <posix/start.h>
#include <rt/console.h>
#include <rt/start.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <vm/object.h>
#include <vm/vm.h>

#define PAGE ((uint64_t)4096)

/* newlib's malloc calls sbrk under its own lock. */
static struct {
    uint64_t start, at, end;
} heap;

void
posix_heap_start(void)
{
    uint64_t bytes = (posix_heap_bytes + PAGE - 1) & ~(PAGE - 1);
    int64_t err = vm_map(&heap.start, bytes, VM_READ | VM_WRITE, 0, NULL, 0);
    if (err != EXO_OK) {
        rt_printf("# posix: no room for a heap of %llu bytes\n", (unsigned long long)bytes);
        rt_exit(RT_EXIT_FAULT);
    }
    heap.at = heap.start;
    heap.end = heap.start + bytes;
}

/*
 * What is given back is forgotten, so that it is zero when it is had again. What is new is made
 * present here: where there is no memory left malloc fails, instead of the program.
 */
void *
sbrk(ptrdiff_t change)
{
    uint64_t before = heap.at, after = before + (uint64_t)change;
    uint64_t from = (before + PAGE - 1) & ~(PAGE - 1), to = (after + PAGE - 1) & ~(PAGE - 1);
    if (after < heap.start || after > heap.end ||
        (to > from && vm_populate(from, to - from, true) != EXO_OK)) {
        errno = ENOMEM;
        return (void *)-1;
    }
    if (to < from)
        (void)vm_forget(to, from - to);
    heap.at = after;
    return (void *)(uintptr_t)before;
}

/* --- mmap: a file is an object that reads through a descriptor of its own. -----------------------
 */

static int64_t
fill_from_file(struct vm_object *object, uint64_t number, void *to)
{
    int64_t done = vfs_read_at((int)(intptr_t)object->own, number * PAGE, to, PAGE);
    return done < 0 ? done : EXO_OK;
}

static void
close_file(struct vm_object *object)
{
    (void)vfs_close((int)(intptr_t)object->own);
}

static struct vm_object *
object_of(int fd, int *number)
{
    static const struct vm_pager pager = {.fill = fill_from_file, .gone = close_file};
    struct vfs_status status;
    int64_t own, err = vfs_status(fd, &status);
    if (err == VFS_OK && (status.type != VFS_FILE || !(status.how & VFS_READ))) {
        *number = status.type != VFS_FILE ? ENODEV : EACCES;
        return NULL;
    }
    own = err == VFS_OK ? vfs_duplicate(fd, 0) : err;
    if (own < 0) {
        *number = posix_errno(own);
        return NULL;
    }
    struct vm_object *object =
        vm_object_make(&pager, (void *)(intptr_t)own, (status.bytes + PAGE - 1) / PAGE);
    if (object == NULL) {
        (void)vfs_close((int)own);
        *number = ENOMEM;
    }
    return object;
}

static int
check_map(size_t bytes, int protection, int flags, off_t offset)
{
    int kind = flags & (MAP_SHARED | MAP_PRIVATE);
    if (bytes == 0 || (kind != MAP_SHARED && kind != MAP_PRIVATE) || offset < 0 ||
        (uint64_t)offset % PAGE != 0)
        return EINVAL;
    /* Writes through a shared mapping would have to come back to the file. */
    if (kind == MAP_SHARED && (protection & PROT_WRITE) && !(flags & MAP_ANONYMOUS))
        return ENODEV;
    return 0;
}

void *
mmap(void *address, size_t bytes, int protection, int flags, int fd, off_t offset)
{
    uint64_t va = (uintptr_t)address, length = (bytes + PAGE - 1) & ~(PAGE - 1);
    int number = check_map(bytes, protection, flags, offset);
    struct vm_object *object = NULL;
    if (number == 0 && !(flags & MAP_ANONYMOUS))
        object = object_of(fd, &number);
    if (number != 0) {
        errno = number;
        return MAP_FAILED;
    }
    int64_t err = vm_map(&va, length, (uint32_t)protection,
                         (flags & MAP_FIXED ? VM_FIXED : 0) | (flags & MAP_SHARED ? VM_SHARED : 0),
                         object, (uint64_t)offset);
    if (object != NULL)
        vm_object_drop(object); /* the region has its own reference */
    return posix_result(err) < 0 ? MAP_FAILED : (void *)(uintptr_t)va;
}

static uint64_t
rounded(size_t bytes)
{
    return (bytes + PAGE - 1) & ~(PAGE - 1);
}

/* POSIX wants EINVAL for ranges that munmap cannot have. */
int
munmap(void *address, size_t bytes)
{
    int64_t err = vm_unmap((uintptr_t)address, rounded(bytes));
    return (int)posix_result(err == EXO_E_RANGE ? VFS_E_ARGUMENT : err);
}

int
mprotect(void *address, size_t bytes, int protection)
{
    return (int)posix_result(vm_protect((uintptr_t)address, rounded(bytes), (uint32_t)protection));
}

int
madvise(void *address, size_t bytes, int advice)
{
    int64_t err = EXO_OK;
    if (advice == MADV_DONTNEED)
        err = vm_forget((uintptr_t)address, rounded(bytes));
    else if (advice == MADV_WILLNEED)
        err = vm_populate((uintptr_t)address, rounded(bytes), false);
    else if (advice < MADV_NORMAL || advice > MADV_SEQUENTIAL)
        err = VFS_E_ARGUMENT;
    return (int)posix_result(err);
}

/* Here advice never changes contents; the error is the result. */
int
posix_madvise(void *address, size_t bytes, int advice)
{
    int64_t err = EXO_OK;
    if (advice == POSIX_MADV_WILLNEED)
        err = vm_populate((uintptr_t)address, rounded(bytes), false);
    return err < 0 ? posix_errno(err) : 0;
}

int
posix_memalign(void **memory, size_t align, size_t bytes)
{
    if (align < sizeof(void *) || (align & (align - 1)) != 0)
        return EINVAL;
    void *made = memalign(align, bytes);
    if (made == NULL)
        return ENOMEM;
    *memory = made;
    return 0;
}
