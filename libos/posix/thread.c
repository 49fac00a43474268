/* <pthread.h> over sched. Attributes are stack size and detach state; there is no cancellation. */
#include "private.h"

#include <pthread.h>
#include <rt/call.h>
#include <rt/time.h>
#include <sched/sync.h>
#include <sched/thread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <vm/vm.h>

#define STACK_BYTES       (1u << 20) /* of addresses: frames come as they are used */
#define PAGE              4096u
#define KEYS_MAX          32u
#define DESTRUCTOR_ROUNDS 4

struct posix_thread {
    struct thread *thread;
    void *(*entry)(void *argument);
    void *argument, *result;
    uint64_t stack, stack_bytes;
    _Atomic uint32_t fate; /* 1: detached or over; who comes second takes it down */
    void *value[KEYS_MAX];
};

static _Thread_local struct posix_thread *self;
static struct posix_thread first; /* the first thread's: nobody joins it */

static struct {
    _Atomic bool taken;
    void (*destructor)(void *value);
} keys[KEYS_MAX];

pthread_t
pthread_self(void)
{
    return self != NULL ? self : &first;
}

int
pthread_equal(pthread_t one, pthread_t other)
{
    return one == other;
}

static bool
run_destructors(struct posix_thread *thread)
{
    bool ran = false;
    for (uint32_t i = 0; i < KEYS_MAX; i++) {
        void *value = thread->value[i];
        thread->value[i] = NULL;
        if (value != NULL && atomic_load(&keys[i].taken) && keys[i].destructor != NULL) {
            keys[i].destructor(value);
            ran = true;
        }
    }
    return ran;
}

static void
take_down(struct posix_thread *thread)
{
    (void)thread_join(thread->thread);
    (void)vm_unmap(thread->stack, thread->stack_bytes);
    free(thread);
}

/*
 * A detached thread cannot take down its own stack: the next thread that ends or is made does it,
 * so that at most one waits here.
 */
static struct posix_thread *_Atomic over;

static void
take_down_later(struct posix_thread *thread)
{
    struct posix_thread *before = atomic_exchange(&over, thread);
    if (before != NULL)
        take_down(before);
}

static void
finish(struct posix_thread *thread)
{
    for (int round = 0; round < DESTRUCTOR_ROUNDS && run_destructors(thread); round++)
        ;
    posix_reent_end();
    if (atomic_exchange(&thread->fate, 1) == 1)
        take_down_later(thread);
}

static void *
run(void *argument)
{
    self = argument;
    self->result = self->entry(self->argument);
    finish(self);
    return NULL;
}

void
pthread_exit(void *result)
{
    struct posix_thread *thread = pthread_self();
    thread->result = result;
    finish(thread);
    thread_exit(NULL);
}

static int64_t
start(struct posix_thread *made, const pthread_attr_t *attributes)
{
    uint64_t wanted = attributes != NULL ? attributes->stacksize : STACK_BYTES;
    made->stack_bytes = (wanted + PAGE - 1) & ~(uint64_t)(PAGE - 1);
    int64_t err = vm_map(&made->stack, made->stack_bytes, VM_READ | VM_WRITE, 0, NULL, 0);
    if (err != EXO_OK)
        return err;
    void *top = (void *)(uintptr_t)(made->stack + made->stack_bytes);
    const struct thread_attributes how = {.vcpu = SCHED_ANY, .stack_top = top};
    err = thread_create(&made->thread, &how, run, made);
    if (err != EXO_OK)
        (void)vm_unmap(made->stack, made->stack_bytes);
    return err;
}

int
pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*entry)(void *),
               void *argument)
{
    bool detached = attributes != NULL && attributes->detachstate == PTHREAD_CREATE_DETACHED;
    struct posix_thread *made = calloc(1, sizeof(*made)), *ended = atomic_exchange(&over, NULL);
    if (ended != NULL)
        take_down(ended);
    if (made == NULL)
        return EAGAIN;
    made->entry = entry;
    made->argument = argument;
    made->fate = detached;
    *thread = made;
    if (start(made, attributes) == EXO_OK)
        return 0;
    free(made);
    return EAGAIN;
}

int
pthread_join(pthread_t thread, void **result)
{
    if (thread == pthread_self())
        return EDEADLK;
    void *value;
    /* The result is there once the thread is over; take_down waits for that. */
    (void)thread_join(thread->thread);
    value = thread->result;
    (void)vm_unmap(thread->stack, thread->stack_bytes);
    free(thread);
    if (result != NULL)
        *result = value;
    return 0;
}

int
pthread_detach(pthread_t thread)
{
    if (atomic_exchange(&thread->fate, 1) == 1)
        take_down(thread);
    return 0;
}

int
pthread_attr_init(pthread_attr_t *attributes)
{
    *attributes = (pthread_attr_t){STACK_BYTES, PTHREAD_CREATE_JOINABLE};
    return 0;
}

int
pthread_attr_destroy(pthread_attr_t *attributes)
{
    (void)attributes;
    return 0;
}

int
pthread_attr_setstacksize(pthread_attr_t *attributes, size_t bytes)
{
    if (bytes < PTHREAD_STACK_MIN)
        return EINVAL;
    attributes->stacksize = bytes;
    return 0;
}

int
pthread_attr_setdetachstate(pthread_attr_t *attributes, int state)
{
    attributes->detachstate = state;
    return 0;
}

/* --- Keys and once ------------------------------------------------------------------------------
 */

int
pthread_key_create(pthread_key_t *key, void (*destructor)(void *))
{
    for (uint32_t i = 0; i < KEYS_MAX; i++) {
        bool taken = false;
        if (atomic_compare_exchange_strong(&keys[i].taken, &taken, true)) {
            keys[i].destructor = destructor;
            *key = i;
            return 0;
        }
    }
    return EAGAIN;
}

int
pthread_key_delete(pthread_key_t key)
{
    if (key >= KEYS_MAX)
        return EINVAL;
    atomic_store(&keys[key].taken, false);
    return 0;
}

int
pthread_setspecific(pthread_key_t key, const void *value)
{
    if (key >= KEYS_MAX)
        return EINVAL;
    memcpy(&pthread_self()->value[key], &value, sizeof(value));
    return 0;
}

void *
pthread_getspecific(pthread_key_t key)
{
    return key < KEYS_MAX ? pthread_self()->value[key] : NULL;
}

enum { ONCE_NEW = 0, ONCE_RUNS = 1, ONCE_DONE = 2 };

int
pthread_once(pthread_once_t *once, void (*routine)(void))
{
    _Atomic uint32_t *state = (_Atomic uint32_t *)&once->state;
    uint32_t seen = ONCE_NEW;
    if (atomic_compare_exchange_strong(state, &seen, ONCE_RUNS)) {
        routine();
        atomic_store(state, ONCE_DONE);
        (void)futex_wake(state, UINT32_MAX);
    }
    while (atomic_load(state) != ONCE_DONE)
        (void)futex_wait(state, ONCE_RUNS, EXO_FOREVER);
    return 0;
}

/* --- Mutexes and conditions ----------------------------------------------------------------------
 */

/* The types of <pthread.h> begin with the fields of sched's, of the same size. */
static struct mutex_recursive *
mutex_of(pthread_mutex_t *mutex)
{
    _Static_assert(sizeof(struct mutex_recursive) <= sizeof(pthread_mutex_t), "fits");
    return (struct mutex_recursive *)(void *)mutex;
}

static struct condition *
condition_of(pthread_cond_t *condition)
{
    return (struct condition *)(void *)condition;
}

int
pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attributes)
{
    *mutex = (pthread_mutex_t){.type = attributes != NULL ? attributes->type : 0};
    return 0;
}

int
pthread_mutex_destroy(pthread_mutex_t *mutex)
{
    return mutex->state == 0 ? 0 : EBUSY;
}

static bool
is_mine(pthread_mutex_t *mutex)
{
    return atomic_load(&mutex_of(mutex)->holder) == thread_self();
}

/* ERRORCHECK is RECURSIVE that refuses the second time: both know their holder. */
int
pthread_mutex_lock(pthread_mutex_t *mutex)
{
    if (mutex->type == PTHREAD_MUTEX_NORMAL) {
        mutex_lock(&mutex_of(mutex)->mutex);
        return 0;
    }
    if (mutex->type == PTHREAD_MUTEX_ERRORCHECK && is_mine(mutex))
        return EDEADLK;
    mutex_recursive_lock(mutex_of(mutex));
    return 0;
}

int
pthread_mutex_trylock(pthread_mutex_t *mutex)
{
    if (mutex->type == PTHREAD_MUTEX_NORMAL)
        return mutex_try(&mutex_of(mutex)->mutex) ? 0 : EBUSY;
    if (mutex->type == PTHREAD_MUTEX_ERRORCHECK && is_mine(mutex))
        return EBUSY;
    return mutex_recursive_try(mutex_of(mutex)) ? 0 : EBUSY;
}

int
pthread_mutex_unlock(pthread_mutex_t *mutex)
{
    if (mutex->type == PTHREAD_MUTEX_NORMAL) {
        mutex_unlock(&mutex_of(mutex)->mutex);
        return 0;
    }
    if (!is_mine(mutex))
        return EPERM;
    mutex_recursive_unlock(mutex_of(mutex));
    return 0;
}

int
pthread_mutexattr_init(pthread_mutexattr_t *attributes)
{
    *attributes = (pthread_mutexattr_t){PTHREAD_MUTEX_NORMAL};
    return 0;
}

int
pthread_mutexattr_destroy(pthread_mutexattr_t *attributes)
{
    (void)attributes;
    return 0;
}

int
pthread_mutexattr_settype(pthread_mutexattr_t *attributes, int type)
{
    if (type < PTHREAD_MUTEX_NORMAL || type > PTHREAD_MUTEX_ERRORCHECK)
        return EINVAL;
    attributes->type = type;
    return 0;
}

int
pthread_cond_init(pthread_cond_t *condition, const pthread_condattr_t *attributes)
{
    *condition = (pthread_cond_t){.clock = attributes != NULL ? attributes->clock : 0};
    return 0;
}

int
pthread_cond_destroy(pthread_cond_t *condition)
{
    (void)condition;
    return 0;
}

int
pthread_condattr_init(pthread_condattr_t *attributes)
{
    *attributes = (pthread_condattr_t){CLOCK_REALTIME};
    return 0;
}

int
pthread_condattr_destroy(pthread_condattr_t *attributes)
{
    (void)attributes;
    return 0;
}

int
pthread_condattr_setclock(pthread_condattr_t *attributes, clockid_t clock)
{
    attributes->clock = (int)clock;
    return 0;
}

/* A recursive mutex that is held more than once stays held: that is an error of the caller's. */
static bool
wait_until(pthread_cond_t *condition, pthread_mutex_t *mutex, uint64_t deadline)
{
    struct mutex_recursive *held = mutex_of(mutex);
    bool normal = mutex->type == PTHREAD_MUTEX_NORMAL;
    if (!normal) {
        held->depth = 0;
        atomic_store(&held->holder, NULL);
    }
    bool woken = condition_wait(condition_of(condition), &held->mutex, deadline);
    if (!normal) {
        held->depth = 1;
        atomic_store(&held->holder, thread_self());
    }
    return woken;
}

int
pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex)
{
    (void)wait_until(condition, mutex, EXO_FOREVER);
    return 0;
}

int
pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex,
                       const struct timespec *until)
{
    struct timespec now;
    if (until->tv_nsec < 0 || until->tv_nsec >= 1000000000)
        return EINVAL;
    clockid_t clock = condition->clock == (int)CLOCK_MONOTONIC ? CLOCK_MONOTONIC : CLOCK_REALTIME;
    (void)clock_gettime(clock, &now);
    int64_t ns = (until->tv_sec - now.tv_sec) * 1000000000ll + until->tv_nsec - now.tv_nsec;
    uint64_t deadline = ns > 0 ? rt_deadline_ns((uint64_t)ns) : 0;
    return wait_until(condition, mutex, deadline) ? 0 : ETIMEDOUT;
}

int
pthread_cond_signal(pthread_cond_t *condition)
{
    condition_signal(condition_of(condition));
    return 0;
}

int
pthread_cond_broadcast(pthread_cond_t *condition)
{
    condition_broadcast(condition_of(condition));
    return 0;
}
