/* The terminal: rt's console. A read waits for bytes, and ends with a line. */
#include "private.h"

#include <rt/console.h>
#include <sched/timer.h>

#define LOOK_AGAIN_NS 10000000u /* the console has no interrupt here */

static struct mutex lock; /* protects seen */
static int seen = -1;     /* the byte that is_ready has found, and nobody has read yet */

static bool
is_ready(struct vfs_node *node)
{
    (void)node;
    mutex_lock(&lock);
    if (seen < 0)
        seen = rt_read();
    bool any = seen >= 0;
    mutex_unlock(&lock);
    return any;
}

static int
take_byte(void)
{
    mutex_lock(&lock);
    int byte = seen >= 0 ? seen : rt_read();
    seen = -1;
    mutex_unlock(&lock);
    return byte;
}

static int
wait_for_byte(void)
{
    int byte;
    while ((byte = take_byte()) < 0)
        thread_sleep_ns(LOOK_AGAIN_NS);
    return byte;
}

static int64_t
read_console(struct vfs_node *node, uint64_t offset, void *to, size_t bytes)
{
    char *at = to;
    size_t done = 0;
    (void)node;
    (void)offset;
    while (done < bytes && (done == 0 || at[done - 1] != '\n')) {
        int byte = wait_for_byte();
        at[done++] = byte == '\r' ? '\n' : (char)byte;
    }
    return (int64_t)done;
}

/* By way of the stack: the console's lock defers faults, and `from` may not be resident. */
static int64_t
write_console(struct vfs_node *node, uint64_t offset, const void *from, size_t bytes)
{
    char part[256];
    (void)node;
    (void)offset;
    for (size_t done = 0, length; done < bytes; done += length) {
        length = bytes - done < sizeof(part) ? bytes - done : sizeof(part);
        memcpy(part, (const char *)from + done, length);
        rt_write(part, length);
    }
    return (int64_t)bytes;
}

struct vfs_node *
console_node(void)
{
    static const struct vfs_operations operations = {
        .read = read_console, .write = write_console, .is_ready = is_ready};
    static struct vfs_node node = {.operations = &operations,
                                   .type = VFS_DEVICE,
                                   .references = 1,
                                   .links = 1,
                                   .is_terminal = true,
                                   .is_free = true};
    return &node;
}
