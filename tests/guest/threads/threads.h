/* What both variants of libos/sched have to show. */
#ifndef TEST_THREADS_H
#define TEST_THREADS_H

#include "test.h"

#include <sched/sync.h>
#include <sched/thread.h>
#include <sched/timer.h>

#define THREADS 8u

/* Starts a thread on a vCPU, or SCHED_ANY. */
struct thread *start_thread(uint32_t vcpu, void *(*entry)(void *argument), void *argument);

/* Starts THREADS of them, on all vCPUs in turn, and joins them. */
void run_threads(void *(*entry)(void *argument), void *argument);

/* The first thing that main() does. */
void note_beginning(void);

/* The suites. */
void vcpus_have_all_they_need_when_the_program_begins(void);
void thread_returns_what_its_entry_returned(void);
void threads_have_storage_of_their_own(void);
void many_threads_come_and_go(void);
void detached_thread_is_taken_back(void);
void thread_of_no_vcpu_is_refused(void);
void thread_stays_on_its_vcpu(void);
void callee_saved_fp_registers_survive_a_switch(void);
void mutex_excludes(void);
void recursive_mutex_is_taken_again(void);
void mutex_lock_ends_at_its_deadline(void);
void condition_hands_over_every_item(void);
void condition_broadcast_wakes_all(void);
void futex_wait_refuses_another_value(void);
void futex_wait_times_out(void);
void futex_wake_counts_whom_it_wakes(void);
void no_wake_is_lost(void);
void timeouts_and_wakes_race(void);
void sleep_ends_in_order_of_deadlines(void);
void sleeping_program_gives_the_cpu_up(void);
void stopped_timer_does_not_fire(void);
void timers_fire_in_order(void);
void event_wakes_its_thread(void);
void event_wait_times_out(void);
void waits_of_rt_are_the_threads_own(void);

#define THREAD_TESTS                                                                           \
    TEST(vcpus_have_all_they_need_when_the_program_begins),                                    \
        TEST(thread_returns_what_its_entry_returned), TEST(threads_have_storage_of_their_own), \
        TEST(many_threads_come_and_go), TEST(detached_thread_is_taken_back),                   \
        TEST(thread_of_no_vcpu_is_refused), TEST(thread_stays_on_its_vcpu),                    \
        TEST(callee_saved_fp_registers_survive_a_switch), TEST(mutex_excludes),                \
        TEST(recursive_mutex_is_taken_again), TEST(mutex_lock_ends_at_its_deadline),           \
        TEST(condition_hands_over_every_item), TEST(condition_broadcast_wakes_all),            \
        TEST(futex_wait_refuses_another_value), TEST(futex_wait_times_out),                    \
        TEST(futex_wake_counts_whom_it_wakes), TEST(no_wake_is_lost),                          \
        TEST(timeouts_and_wakes_race), TEST(sleep_ends_in_order_of_deadlines),                 \
        TEST(sleeping_program_gives_the_cpu_up), TEST(stopped_timer_does_not_fire),            \
        TEST(timers_fire_in_order), TEST(event_wakes_its_thread), TEST(event_wait_times_out),  \
        TEST(waits_of_rt_are_the_threads_own)

#endif
