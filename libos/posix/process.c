/* The one process: its beginning and its end. */
#include "private.h"

#include <posix/start.h>
#include <reent.h>
#include <rt/call.h>
#include <rt/console.h>
#include <rt/module.h>
#include <rt/start.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <vfs/packed.h>

extern void (*const rt_init_array_start[])(int, char **, char **);
extern void (*const rt_init_array_end[])(int, char **, char **);

static char *no_environment[1];
char **environ = no_environment;

/* exit() has run what atexit left, and has closed the streams. */
void
_exit(int code)
{
    rt_exit(code);
}

pid_t
getpid(void)
{
    return 1;
}

/* A signal that nobody handles ends the process. abort() comes here, too: the trap prints where. */
int
kill(pid_t process, int signal)
{
    if (process != getpid() || signal < 0 || signal >= NSIG) {
        errno = process != getpid() ? ESRCH : EINVAL;
        return -1;
    }
    if (signal == SIGABRT)
        __builtin_trap();
    if (signal != 0)
        rt_exit(128 + signal);
    return 0;
}

int
sigprocmask(int how, const sigset_t *set, sigset_t *before)
{
    (void)how;
    (void)set;
    if (before != NULL)
        *before = 0;
    return 0;
}

static void
mount_files(void)
{
    static struct vfs_mount root, rom;
    static struct packed packed;
    struct rt_module image;
    struct vfs_node *memory = tmpfs_make();
    if (memory == NULL || vfs_mount(&root, "/", memory) != VFS_OK)
        abort();
    if (!rt_module_find("root.pack", &image))
        return;
    struct vfs_node *node =
        packed_open(&packed, image.at, image.bytes) == VFS_OK ? packedfs_make(&packed) : NULL;
    if (node == NULL || vfs_mount(&rom, "/rom", node) != VFS_OK)
        rt_printf("# posix: root.pack is no packed image: nothing is mounted at /rom\n");
}

static void
open_console(void)
{
    for (uint32_t how = VFS_READ, fd = 0; fd < 3; fd++, how = VFS_WRITE) {
        console_node()->references++;
        (void)vfs_open_node(console_node(), how);
    }
}

int
posix_main(void)
{
    static char name[] = "main";
    static char *arguments[] = {name, NULL};
    int (*program)(int, char **, char **) = (int (*)(int, char **, char **))(void (*)(void))main;
    posix_heap_start();
    posix_clock_start();
    vfs_now_ns = posix_now_ns;
    mount_files();
    open_console();
    for (void (*const *each)(int, char **, char **) = rt_init_array_start; each < rt_init_array_end;
         each++)
        (*each)(1, arguments, environ);
    exit(program(1, arguments, environ));
}
