/* What the files of sched know of each other. */
#ifndef SCHED_PRIVATE_H
#define SCHED_PRIVATE_H

#include <rt/call.h>
#include <rt/console.h>
#include <rt/fp.h>
#include <rt/frames.h>
#include <rt/start.h>
#include <rt/sync.h>
#include <rt/time.h>
#include <rt/vcpu.h>
#include <sched/sync.h>
#include <sched/thread.h>
#include <sched/timer.h>
#include <stddef.h>

#define EVENT_WAKE (1ull << 63) /* a thread of this vCPU was made ready by another vCPU */
#define EVENT_TICK (1ull << 62) /* of a ticker */

/* What a function call preserves (AAPCS64 6.1): what a thread that waits needs. switch.S knows. */
struct saved {
    uint64_t x19_to_x30[12];
    uint64_t sp, fpcr;
    uint64_t d8_to_d15[8];
};

/* A thread, at the upper end of its stack's memory. */
struct thread {
    struct saved saved;         /* of one that waits or yielded ... */
    struct exo_context context; /* ... and of one that an upcall interrupted */
    bool interrupted;           /* which of the two */
    bool timed_out;
    bool waits;             /* in a futex queue: that queue's lock */
    _Atomic uint32_t state; /* enum thread_state: a futex word */
    struct sched_vcpu *home;
    struct thread *next, *prev; /* in the one queue that it is in */
    _Atomic uint32_t *word;     /* that it waits for */
    uint64_t events;            /* that it waits for, then those that came */
    struct sched_timer timer;
    void *fp; /* full FP and SIMD state of an interrupted one; NULL: never interrupted */
    uint64_t tls, stack_top;
    void *(*entry)(void *argument);
    void *argument, *result;
    void *slot[THREAD_SLOTS];
    struct rt_memory memory;
};

enum thread_state { THREAD_LIVES = 0, THREAD_DETACHED = 1, THREAD_ENDED = 2 };

/* A circular list through thread.next. */
struct thread_queue {
    struct thread *first;
};

struct sched_vcpu {
    struct rt_lock lock; /* protects ready, timers and two flags; rank: behind a futex queue's */
    struct thread_queue ready;  /* who has waited longest is first */
    struct sched_timer *timers; /* a skew heap, the earliest at the root */
    bool will_look;             /* no thread runs: it looks at `ready` before one does, or waits */
    bool woken;                 /* since then a thread was made ready: it need not be told again */
    uint32_t number, wake_slot; /* a notification that sets EVENT_WAKE */
    struct thread *current;
    uint64_t stack_top; /* of the stack where it began: for the end of threads */
    struct thread_queue event_waiters;
    uint64_t events_pending, events_taken;
    struct sched_counts counts;
    struct exo_control *control; /* NULL: it has not begun */
    struct ticker *ticker;       /* preemptive/ */
    struct rt_thread vcpu;
};

/* The thread whose timer that is. */
static inline struct thread *
thread_of(struct sched_timer *timer)
{
    return (struct thread *)(void *)((char *)timer - offsetof(struct thread, timer));
}

extern struct sched_vcpu sched_vcpu_list[SCHED_VCPUS_MAX];

static inline struct sched_vcpu *
this_vcpu(void)
{
    return rt_vcpu_of(rt_control())->local;
}

/* --- run.c ---------------------------------------------------------------------------------- */

void queue_push(struct thread_queue *queue, struct thread *thread);
void queue_remove(struct thread_queue *queue, struct thread *thread);

/* Puts a thread that waits on its vCPU's ready list, stops its timer, and sees to it that the vCPU
 * looks. From any vCPU, inside. */
void make_ready(struct thread *thread);

/* Inside: the caller is on some list, or its timer is started; others run until it is ready. */
void block(void);

/* The next thread; waits in the kernel until there is one. Inside. */
struct thread *choose(struct sched_vcpu *vcpu);

/* Goes on in it. On any stack but one that another thread could be using. */
_Noreturn void enter(struct thread *thread);

/* A thread runs from now on, or goes on: what the variant has to know. Inside. */
void announce(struct sched_vcpu *vcpu, struct thread *thread);

/* From now on until announce(), no thread runs. Inside. */
void begin_choosing(struct sched_vcpu *vcpu);

/* Inside: ends in the calling vCPU's own stack, and goes on with the next thread. */
_Noreturn void run_next(void);

/* Begins and ends a section that upcalls do not interrupt; the caller may block in it. */
void section_enter(void);
void section_leave(void);

/* --- timer.c, event.c, thread.c --------------------------------------------------------------- */

void timer_start(struct sched_vcpu *vcpu, struct sched_timer *timer, uint64_t deadline_ticks,
                 void (*fire)(struct sched_timer *timer));
void timer_remove(struct sched_timer **heap, struct sched_timer *timer);
extern const struct rt_threads rt_threads_of_sched;
void events_deliver(struct sched_vcpu *vcpu, uint64_t bits);
struct thread *thread_make(const struct thread_attributes *attributes, int64_t *error);
void thread_free(struct thread *thread);
_Noreturn void thread_finish(struct thread *thread);

/* --- switch.S --------------------------------------------------------------------------------- */

/* Saves the caller in *saved and goes on in `next`. Returns when somebody loads *saved. */
void switch_to(struct saved *saved, struct thread *next);
_Noreturn void switch_load(const struct saved *saved);
_Noreturn void switch_stack(uint64_t stack_top, struct thread *argument,
                            void (*function)(struct thread *));
void switch_thread_begins(void);
_Noreturn void thread_begin(struct thread *thread); /* its C half */

/* --- The variant --------------------------------------------------------------------------------
 */

/* On each vCPU, before its first thread. */
int64_t policy_start(struct sched_vcpu *vcpu);

/* Bytes of a thread's `fp` area; 0: threads are not interrupted. */
uint32_t policy_fp_bytes(void);

/* A thread became ready while another runs there. From any vCPU, inside. */
void policy_contended(struct sched_vcpu *vcpu);

/* A thread runs now; whether others are ready, and the earliest timer's deadline. */
void policy_running(struct sched_vcpu *vcpu, bool contended, uint64_t deadline_ticks);

/* This vCPU goes to wait in the kernel. */
void policy_idle(struct sched_vcpu *vcpu);

/* This vCPU's event bits that somebody waits for have changed. */
void policy_events(struct sched_vcpu *vcpu, uint64_t waited);

/* An interrupted thread is about to go on: its FP registers are loaded. */
void policy_load_fp(const struct thread *thread);

#endif
