/*
 * Jobs, and waiting. (newlib's <stdatomic.h> does not compile with gcc: hence builtins.)
 */
#include "crew.h"

#include <stddef.h>

/* Looks before it waits, 25 ns each under emulation. For the others: longer than a fair share of a
   phase, shorter than a slot of a CPU. For work: as long as it takes to choose a word and to send
   it. */
#define LOOKS_OTHERS 4000u
#define LOOKS_WORK   20000u

/* A member's word. Who offers a job may take it back until the member has begun it. */
enum job { NONE, OFFERED, BEGUN };

static bool
is_still(const uint32_t *word, uint32_t value)
{
    return __atomic_load_n(word, __ATOMIC_ACQUIRE) == value;
}

/*
 * Waits until the word is no longer `value`. Either who changes it sees a sleeper, or the sleeper
 * sees the change: each writes its own and then, behind a full barrier, reads the other's.
 */
static void
wait_while(const struct crew *crew, uint32_t *word, uint32_t *sleepers, uint32_t value,
           uint32_t looks)
{
    for (uint32_t i = 0; i < looks; i++)
        if (!is_still(word, value))
            return;
    (void)__atomic_add_fetch(sleepers, 1, __ATOMIC_SEQ_CST);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (is_still(word, value))
        crew->system->wait(word, value);
    (void)__atomic_sub_fetch(sleepers, 1, __ATOMIC_RELAXED);
}

/* The word was changed. */
static void
wake_sleepers(const struct crew *crew, uint32_t *word, const uint32_t *sleepers)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (__atomic_load_n(sleepers, __ATOMIC_RELAXED) > 0)
        crew->system->wake(word);
}

static void
wait_for_others(void *context, uint32_t *word, uint32_t value)
{
    struct crew *crew = context;
    wait_while(crew, word, &crew->sleepers, value, LOOKS_OTHERS);
}

static void
wake_others(void *context, uint32_t *word)
{
    const struct crew *crew = context;
    wake_sleepers(crew, word, &crew->sleepers);
}

static void
set_job(const struct crew *crew, struct crew_word *job, enum job value)
{
    __atomic_store_n(&job->value, value, __ATOMIC_SEQ_CST);
    wake_sleepers(crew, &job->value, &job->sleepers);
}

static bool
change_job(struct crew_word *job, uint32_t from, enum job to)
{
    return __atomic_compare_exchange_n(&job->value, &from, to, false, __ATOMIC_ACQ_REL,
                                       __ATOMIC_ACQUIRE);
}

static void
run(void *context, uint32_t workers, void (*work)(void *argument, uint32_t worker), void *argument)
{
    struct crew *crew = context;
    crew->work = work;
    crew->argument = argument;
    for (uint32_t i = 1; i < workers; i++)
        set_job(crew, &crew->members[i].job, OFFERED);
    work(argument, 0);
    for (uint32_t i = 1; i < workers; i++) {
        struct crew_word *job = &crew->members[i].job;
        if (!change_job(job, OFFERED, NONE))
            while (is_still(&job->value, BEGUN))
                wait_while(crew, &job->value, &job->sleepers, BEGUN, LOOKS_OTHERS);
    }
}

static void *
serve(void *argument)
{
    struct crew_member *member = argument;
    struct crew *crew = member->crew;
    for (;;) {
        wait_while(crew, &member->job.value, &member->job.sleepers, NONE, LOOKS_WORK);
        if (!change_job(&member->job, OFFERED, BEGUN))
            continue;
        crew->work(crew->argument, member->number);
        set_job(crew, &member->job, NONE);
    }
    return NULL; /* never: gcc asks for it */
}

void
crew_open(struct crew *crew, uint32_t workers, const struct crew_system *system)
{
    *crew = (struct crew){.team = {.context = crew,
                                   .count = 1,
                                   .run = run,
                                   .wait = wait_for_others,
                                   .wake = wake_others},
                          .system = system};
    while (crew->team.count < workers && crew->team.count < CREW_MAX) {
        uint32_t number = crew->team.count;
        crew->members[number] = (struct crew_member){.crew = crew, .number = number};
        if (!system->start(number, serve, &crew->members[number]))
            return;
        crew->team.count++;
    }
}
