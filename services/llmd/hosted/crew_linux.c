#include "crew_linux.h"

#include <linux/futex.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool
start(uint32_t number, void *(*worker)(void *argument), void *argument)
{
    pthread_t thread;
    (void)number;
    return pthread_create(&thread, NULL, worker, argument) == 0 && pthread_detach(thread) == 0;
}

static void
wait(uint32_t *word, uint32_t value)
{
    (void)syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static void
wake(uint32_t *word)
{
    (void)syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, __INT_MAX__, NULL, NULL, 0);
}

const struct crew_system crew_linux = {start, wait, wake};
