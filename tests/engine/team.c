#include "team.h"

#include <assert.h>
#include <pthread.h>
#include <stddef.h>

static pthread_barrier_t meeting;

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
meet(void *context, uint32_t worker)
{
    (void)context;
    (void)worker;
    pthread_barrier_wait(&meeting);
}

const struct engine_team threads_team = {NULL, TEAM_WORKERS, run_team, meet};

void
team_begin(void)
{
    (void)pthread_barrier_init(&meeting, NULL, TEAM_WORKERS);
}

void
team_end(void)
{
    (void)pthread_barrier_destroy(&meeting);
}
