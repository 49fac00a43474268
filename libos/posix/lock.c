/* newlib's locks and per-thread state. */
#include "private.h"

#include <reent.h>
#include <sched/sync.h>
#include <sched/thread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/lock.h>

struct __lock {
    struct mutex_recursive recursive;
};

struct __lock __lock___sinit_recursive_mutex;
struct __lock __lock___sfp_recursive_mutex;
struct __lock __lock___atexit_recursive_mutex;
struct __lock __lock___at_quick_exit_mutex;
struct __lock __lock___malloc_recursive_mutex;
struct __lock __lock___env_recursive_mutex;
struct __lock __lock___tz_mutex;
struct __lock __lock___dd_hash_mutex;
struct __lock __lock___arc4random_mutex;

/* A FILE's. Without memory for it the program cannot go on as if it had one. */
void
__retarget_lock_init(_LOCK_T *lock)
{
    *lock = calloc(1, sizeof(**lock));
    if (*lock == NULL)
        abort();
}

void
__retarget_lock_init_recursive(_LOCK_T *lock)
{
    __retarget_lock_init(lock);
}

void
__retarget_lock_close(_LOCK_T lock)
{
    free(lock);
}

void
__retarget_lock_close_recursive(_LOCK_T lock)
{
    free(lock);
}

void
__retarget_lock_acquire(_LOCK_T lock)
{
    mutex_lock(&lock->recursive.mutex);
}

void
__retarget_lock_acquire_recursive(_LOCK_T lock)
{
    mutex_recursive_lock(&lock->recursive);
}

int
__retarget_lock_try_acquire(_LOCK_T lock)
{
    return mutex_try(&lock->recursive.mutex);
}

int
__retarget_lock_try_acquire_recursive(_LOCK_T lock)
{
    return mutex_recursive_try(&lock->recursive);
}

void
__retarget_lock_release(_LOCK_T lock)
{
    mutex_unlock(&lock->recursive.mutex);
}

void
__retarget_lock_release_recursive(_LOCK_T lock)
{
    mutex_recursive_unlock(&lock->recursive);
}

/* The first thread's is newlib's own, with the standard streams; others have theirs in thread-local
 * storage, and share the streams. */
static _Thread_local struct _reent own;
static _Thread_local struct _reent *mine;
static _Atomic(struct thread *) first;

static struct _reent *
choose_reent(void)
{
    struct thread *nobody = NULL, *self = thread_self();
    if (atomic_compare_exchange_strong(&first, &nobody, self) || nobody == self)
        return _GLOBAL_REENT;
    _REENT_INIT_PTR(&own);
    own._stdin = _GLOBAL_REENT->_stdin;
    own._stdout = _GLOBAL_REENT->_stdout;
    own._stderr = _GLOBAL_REENT->_stderr;
    return &own;
}

struct _reent *
__getreent(void)
{
    if (mine == NULL)
        mine = choose_reent();
    return mine;
}

void
posix_reent_end(void)
{
    if (mine == &own)
        _reclaim_reent(&own);
}
