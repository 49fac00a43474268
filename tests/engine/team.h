/* A team for the engine: threads that are made for each step and meet at pthread's barrier. */
#ifndef TESTS_ENGINE_TEAM_H
#define TESTS_ENGINE_TEAM_H

#include "engine/engine.h"

#define TEAM_WORKERS 3u

/* One at a time, between team_begin and team_end. */
extern const struct engine_team threads_team;

void team_begin(void);
void team_end(void);

#endif
