/*
 * Work, the barrier, and waiting. (newlib's <stdatomic.h> does not compile with gcc: hence
 * builtins.)
 */
#include "crew.h"

#include <stddef.h>

/* Looks before it waits, 25 ns each under emulation. For the others at the barrier: longer than a
   fair share of a phase, shorter than a slot of a CPU. For work: as long as it takes to choose a
   word and to send it. */
#define LOOKS_MEETING 4000u
#define LOOKS_WORK    20000u

static bool
is_still(const struct crew_word *word, uint32_t value)
{
    return __atomic_load_n(&word->value, __ATOMIC_ACQUIRE) == value;
}

/*
 * Waits until the word is no longer `value`. Either who changes it sees a sleeper, or the sleeper
 * sees the change: each writes its own and then, behind a full barrier, reads the other's.
 */
static void
wait_for_change(const struct crew *crew, struct crew_word *word, uint32_t value, uint32_t looks)
{
    for (uint32_t i = 0; i < looks; i++)
        if (!is_still(word, value))
            return;
    (void)__atomic_add_fetch(&word->sleepers, 1, __ATOMIC_SEQ_CST);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    while (is_still(word, value))
        crew->system->wait(&word->value, value);
    (void)__atomic_sub_fetch(&word->sleepers, 1, __ATOMIC_RELAXED);
}

static void
change(const struct crew *crew, struct crew_word *word)
{
    (void)__atomic_add_fetch(&word->value, 1, __ATOMIC_SEQ_CST);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (__atomic_load_n(&word->sleepers, __ATOMIC_RELAXED) > 0)
        crew->system->wake(&word->value);
}

/*
 * The last one to arrive lets all go: it sets the count back before they can arrive again. Who has
 * arrived looks at nothing but the phase: there may be other work by then.
 */
static void
meet(void *context, uint32_t worker)
{
    struct crew *crew = context;
    uint32_t phase = __atomic_load_n(&crew->phase.value, __ATOMIC_RELAXED);
    uint32_t workers = crew->workers;
    (void)worker;
    if (__atomic_add_fetch(&crew->arrived, 1, __ATOMIC_ACQ_REL) < workers) {
        wait_for_change(crew, &crew->phase, phase, LOOKS_MEETING);
        return;
    }
    __atomic_store_n(&crew->arrived, 0, __ATOMIC_RELAXED);
    change(crew, &crew->phase);
}

static void
run(void *context, uint32_t workers, void (*work)(void *argument, uint32_t worker), void *argument)
{
    struct crew *crew = context;
    crew->workers = workers;
    crew->work = work;
    crew->argument = argument;
    for (uint32_t i = 1; i < workers; i++)
        change(crew, &crew->members[i].jobs);
    work(argument, 0);
    meet(crew, 0);
}

static void *
serve(void *argument)
{
    struct crew_member *member = argument;
    struct crew *crew = member->crew;
    for (uint32_t done = 0;; done++) {
        wait_for_change(crew, &member->jobs, done, LOOKS_WORK);
        crew->work(crew->argument, member->number);
        meet(crew, member->number);
    }
    return NULL; /* never: gcc asks for it */
}

void
crew_open(struct crew *crew, uint32_t workers, const struct crew_system *system)
{
    *crew = (struct crew){.team = {.context = crew, .count = 1, .run = run, .barrier = meet},
                          .system = system};
    while (crew->team.count < workers && crew->team.count < CREW_MAX) {
        uint32_t number = crew->team.count;
        crew->members[number] = (struct crew_member){.crew = crew, .number = number};
        if (!system->start(number, serve, &crew->members[number]))
            return;
        crew->team.count++;
    }
}
