#include "team.h"

#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <stddef.h>

struct job {
    void (*work)(void *argument, uint32_t worker);
    void *argument;
    uint32_t worker;
};

static void *
run_job(void *job)
{
    const struct job *j = job;
    j->work(j->argument, j->worker);
    return NULL;
}

static void
run_team(void *context, uint32_t workers, void (*work)(void *, uint32_t), void *argument)
{
    pthread_t threads[TEAM_WORKERS];
    struct job jobs[TEAM_WORKERS];
    (void)context;
    assert(workers == TEAM_WORKERS);
    for (uint32_t i = 0; i < workers; i++) {
        jobs[i] = (struct job){work, argument, i};
        (void)pthread_create(&threads[i], NULL, run_job, &jobs[i]);
    }
    for (uint32_t i = 0; i < workers; i++)
        (void)pthread_join(threads[i], NULL);
}

static void
look_again(void *context, uint32_t *word, uint32_t value)
{
    (void)context;
    (void)word;
    (void)value;
    (void)sched_yield();
}

static void
wake_nobody(void *context, uint32_t *word)
{
    (void)context;
    (void)word;
}

const struct engine_team threads_team = {NULL,       TEAM_WORKERS, run_team,
                                         look_again, wake_nobody,  NULL};
