/*
 * Threads. Each belongs to one vCPU and runs there only; which one is chosen when it is made.
 *
 * Nothing here may be called from upcall handlers, or between rt_inside_enter and rt_inside_leave.
 * What of rt waits (rt_sleep_until, rt_wait_events, rt_wait_word) lets the other threads run; only
 * exo_wait and exo_yield themselves are the whole vCPU's.
 */
#ifndef SCHED_THREAD_H
#define SCHED_THREAD_H

#include <stdint.h>

#define SCHED_VCPUS_MAX   8u
#define SCHED_ANY         0xffffffffu
#define SCHED_STACK_BYTES 65536u /* of a thread that asks for no other size */

struct thread;

/* What a program starts with; a libOS configuration fills it in. */
struct sched_parameters {
    uint32_t vcpus;       /* at most; never more than there are CPUs. 0: one for each CPU */
    uint32_t stack_bytes; /* of the first thread; 0: SCHED_STACK_BYTES */
};

/*
 * Starts the vCPUs, and main_thread as the first thread, on the vCPU of the caller. What that
 * returns is the result. At most once in a program. A negative error: nothing was started.
 */
int sched_run(const struct sched_parameters *parameters, int (*main_thread)(void));

/* How many vCPUs there are, and which one this is. */
uint32_t sched_vcpus(void);
uint32_t sched_vcpu(void);

/* The capability slot of this vCPU: notifications bound to it wake its threads. */
uint32_t sched_vcpu_slot(void);

struct thread_attributes {
    uint32_t vcpu;        /* number, or SCHED_ANY: each in turn */
    uint32_t stack_bytes; /* 0: SCHED_STACK_BYTES. Rounded up to pages */
    uint32_t detached;    /* 1: nobody joins it */
    void *stack_top;      /* the caller's stack, which may grow by faults; NULL: one is made */
};

/*
 * Makes a thread that runs entry(argument) and ends when that returns. *thread is valid until it is
 * joined (detached: until it ends). attributes may be NULL. EXO_E_RANGE: no such vCPU; errors of
 * frames_alloc and map: no memory; then nothing is left behind.
 */
int64_t thread_create(struct thread **thread, const struct thread_attributes *attributes,
                      void *(*entry)(void *argument), void *argument);

/* Waits for its end, takes its memory back and returns what entry returned. Once. */
void *thread_join(struct thread *thread);

/* From now on nobody joins it; its memory is taken back when it ends. Once, instead of a join. */
void thread_detach(struct thread *thread);

/* Ends the calling thread, as if its entry had returned `result`. */
_Noreturn void thread_exit(void *result);

/* The calling thread. */
struct thread *thread_self(void);

/* Lets the other threads of this vCPU that are ready run first. */
void thread_yield(void);

/* A word of the thread's own for each of these; what they mean is up to who uses them. */
enum thread_slot { THREAD_SLOT_POSIX = 0, THREAD_SLOTS = 1 };
void thread_set(struct thread *thread, enum thread_slot slot, void *value);
void *thread_get(const struct thread *thread, enum thread_slot slot);

/* For tests and statistics: thread switches on this vCPU, those among them that were unasked, and
 * waits in the kernel for lack of something to run. */
struct sched_counts {
    uint64_t switches, preemptions, idles;
};
struct sched_counts sched_counts(void);

/* System calls that all vCPUs together have made (rt/count.h), and upcalls to them. */
struct sched_entries {
    uint64_t calls, upcalls;
};
struct sched_entries sched_entries(void);

#endif
