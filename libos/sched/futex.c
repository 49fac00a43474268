/* Waiting for a word to change, and waking who does. */
#include "private.h"

#define QUEUES 64u

/* Threads that wait for words that hash alike. The lock is taken before a vCPU's. */
static struct futex_queue {
    struct rt_lock lock;
    struct thread_queue waiters;
} queues[QUEUES];

static struct futex_queue *
queue_of(const _Atomic uint32_t *word)
{
    uint64_t hash = ((uintptr_t)word >> 2) * 0x9e3779b97f4a7c15ull; /* Knuth, volume 3, 6.4 */
    return &queues[hash >> 58];
}

static void
dequeue(struct futex_queue *queue, struct thread *thread)
{
    queue_remove(&queue->waiters, thread);
    thread->waits = false;
}

/* A waker may have been first: then the thread is not in the queue any more. */
static void
wake_futex_waiter(struct sched_timer *timer)
{
    struct thread *thread = thread_of(timer);
    struct futex_queue *queue = queue_of(thread->word);
    rt_lock(&queue->lock);
    bool waits = thread->waits;
    if (waits) {
        dequeue(queue, thread);
        thread->timed_out = true;
        make_ready(thread);
    }
    rt_unlock(&queue->lock);
}

/*
 * The word is looked at under the queue's lock, which a waker takes after it changed the word: a
 * change that is not seen here comes with a wake that sees the thread queued.
 */
static bool
enqueue(struct thread *self, _Atomic uint32_t *word, uint32_t expected, uint64_t deadline_ticks)
{
    struct futex_queue *queue = queue_of(word);
    rt_lock(&queue->lock);
    bool equal = atomic_load_explicit(word, memory_order_relaxed) == expected;
    if (equal) {
        self->word = word;
        self->waits = true;
        self->timed_out = false;
        queue_push(&queue->waiters, self);
        if (deadline_ticks != EXO_FOREVER)
            timer_start(self->home, &self->timer, deadline_ticks, wake_futex_waiter);
    }
    rt_unlock(&queue->lock);
    return equal;
}

int64_t
futex_wait(_Atomic uint32_t *word, uint32_t expected, uint64_t deadline_ticks)
{
    /* A fault may not happen inside: the word is made resident by a look before. */
    if (atomic_load_explicit(word, memory_order_relaxed) != expected)
        return EXO_E_STATE;
    section_enter();
    struct thread *self = thread_self();
    bool waited = enqueue(self, word, expected, deadline_ticks);
    if (waited)
        block();
    bool timed_out = waited && self->timed_out;
    section_leave();
    return timed_out ? EXO_E_TIMEOUT : waited ? EXO_OK : EXO_E_STATE;
}

uint32_t
futex_wake(_Atomic uint32_t *word, uint32_t count)
{
    struct futex_queue *queue = queue_of(word);
    uint32_t woken = 0;
    rt_lock(&queue->lock);
    struct thread *thread = queue->waiters.first, *last = thread ? thread->prev : NULL;
    while (thread != NULL && woken < count) {
        struct thread *next = thread == last ? NULL : thread->next;
        if (thread->word == word) {
            dequeue(queue, thread);
            make_ready(thread);
            woken++;
        }
        thread = next;
    }
    rt_unlock(&queue->lock);
    return woken;
}
