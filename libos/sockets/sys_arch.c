/* lwIP's locks, mailboxes and threads over libos/sched (arch/sys_arch.h; lwIP's doc/sys_arch.txt).
 */
#include <rt/time.h>
#include <sched/thread.h>
#include <stdlib.h>

#include <lwip/sys.h>

#include <exo/abi.h>

static struct mutex_recursive protection;

void
sys_init(void)
{
}

/* The deadline of a wait of that many milliseconds; 0 is for ever. */
static uint64_t
deadline_of(u32_t timeout_ms)
{
    return timeout_ms == 0 ? EXO_FOREVER : rt_deadline_ns(timeout_ms * RT_MS_NS);
}

sys_prot_t
sys_arch_protect(void)
{
    mutex_recursive_lock(&protection);
    return 0;
}

void
sys_arch_unprotect(sys_prot_t before)
{
    (void)before;
    mutex_recursive_unlock(&protection);
}

/* --- Mutexes and semaphores ------------------------------------------------------------------- */

err_t
sys_mutex_new(sys_mutex_t *mutex)
{
    *mutex = (sys_mutex_t){.valid = true};
    return ERR_OK;
}

void
sys_mutex_free(sys_mutex_t *mutex)
{
    mutex->valid = false;
}

void
sys_mutex_lock(sys_mutex_t *mutex)
{
    mutex_lock(&mutex->mutex);
}

void
sys_mutex_unlock(sys_mutex_t *mutex)
{
    mutex_unlock(&mutex->mutex);
}

err_t
sys_sem_new(sys_sem_t *sem, u8_t count)
{
    *sem = (sys_sem_t){.count = count, .valid = true};
    return ERR_OK;
}

void
sys_sem_free(sys_sem_t *sem)
{
    sem->valid = false;
}

/* The waiter may free it as soon as it is counted: futex_wake only uses its address. */
void
sys_sem_signal(sys_sem_t *sem)
{
    atomic_fetch_add_explicit(&sem->count, 1, memory_order_release);
    (void)futex_wake(&sem->count, 1);
}

static bool
take(sys_sem_t *sem)
{
    uint32_t count = atomic_load_explicit(&sem->count, memory_order_relaxed);
    while (count > 0)
        if (atomic_compare_exchange_weak_explicit(&sem->count, &count, count - 1,
                                                  memory_order_acquire, memory_order_relaxed))
            return true;
    return false;
}

u32_t
sys_arch_sem_wait(sys_sem_t *sem, u32_t timeout_ms)
{
    uint64_t deadline = deadline_of(timeout_ms);
    u32_t start = sys_now();
    while (!take(sem))
        if (futex_wait(&sem->count, 0, deadline) == EXO_E_TIMEOUT)
            return take(sem) ? 0 : SYS_ARCH_TIMEOUT;
    return sys_now() - start;
}

/* --- Mailboxes ----------------------------------------------------------------------------------
 */

err_t
sys_mbox_new(sys_mbox_t *mbox, int size)
{
    *mbox = (sys_mbox_t){.ring = calloc((size_t)size, sizeof(void *)), .size = (uint32_t)size};
    return mbox->ring != NULL ? ERR_OK : ERR_MEM;
}

void
sys_mbox_free(sys_mbox_t *mbox)
{
    free(mbox->ring);
    mbox->ring = NULL;
}

/* With the lock held, and room. */
static void
put(sys_mbox_t *mbox, void *message)
{
    mbox->ring[(mbox->first + mbox->count++) % mbox->size] = message;
    condition_signal(&mbox->filled);
}

void
sys_mbox_post(sys_mbox_t *mbox, void *message)
{
    mutex_lock(&mbox->lock);
    while (mbox->count == mbox->size)
        (void)condition_wait(&mbox->emptied, &mbox->lock, EXO_FOREVER);
    put(mbox, message);
    mutex_unlock(&mbox->lock);
}

err_t
sys_mbox_trypost(sys_mbox_t *mbox, void *message)
{
    mutex_lock(&mbox->lock);
    bool room = mbox->count < mbox->size;
    if (room)
        put(mbox, message);
    mutex_unlock(&mbox->lock);
    return room ? ERR_OK : ERR_MEM;
}

/* There are no interrupts here. */
err_t
sys_mbox_trypost_fromisr(sys_mbox_t *mbox, void *message)
{
    return sys_mbox_trypost(mbox, message);
}

/* With the lock held, and something in it. */
static void
get(sys_mbox_t *mbox, void **message)
{
    void *first = mbox->ring[mbox->first];
    mbox->first = (mbox->first + 1) % mbox->size;
    mbox->count--;
    if (message != NULL)
        *message = first;
    condition_signal(&mbox->emptied);
}

u32_t
sys_arch_mbox_fetch(sys_mbox_t *mbox, void **message, u32_t timeout_ms)
{
    uint64_t deadline = deadline_of(timeout_ms);
    u32_t start = sys_now();
    bool in_time = true;
    mutex_lock(&mbox->lock);
    while (mbox->count == 0 && in_time)
        in_time = condition_wait(&mbox->filled, &mbox->lock, deadline);
    bool any = mbox->count > 0;
    if (any)
        get(mbox, message);
    mutex_unlock(&mbox->lock);
    return any ? sys_now() - start : SYS_ARCH_TIMEOUT;
}

u32_t
sys_arch_mbox_tryfetch(sys_mbox_t *mbox, void **message)
{
    mutex_lock(&mbox->lock);
    bool any = mbox->count > 0;
    if (any)
        get(mbox, message);
    mutex_unlock(&mbox->lock);
    return any ? 0 : SYS_MBOX_EMPTY;
}

/* --- Threads ------------------------------------------------------------------------------------
 */

struct beginning {
    lwip_thread_fn function;
    void *argument;
};

static void *
begin(void *argument)
{
    struct beginning beginning = *(struct beginning *)argument;
    free(argument);
    beginning.function(beginning.argument);
    return NULL;
}

/* lwIP cannot do without its thread, and asks for it when the program starts. */
sys_thread_t
sys_thread_new(const char *name, lwip_thread_fn function, void *argument, int stack_bytes,
               int priority)
{
    const struct thread_attributes attributes = {.stack_bytes = (uint32_t)stack_bytes,
                                                 .detached = 1};
    struct beginning *beginning = malloc(sizeof(*beginning));
    struct thread *thread = NULL;
    (void)priority;
    if (beginning != NULL)
        *beginning = (struct beginning){function, argument};
    if (beginning == NULL || thread_create(&thread, &attributes, begin, beginning) != EXO_OK)
        LWIP_PLATFORM_ASSERT(name);
    return thread;
}
