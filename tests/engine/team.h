/* A team for the engine: threads that are made for each step, and look until they see a change. */
#ifndef TESTS_ENGINE_TEAM_H
#define TESTS_ENGINE_TEAM_H

#include "engine/engine.h"

#define TEAM_WORKERS 3u

extern const struct engine_team threads_team;

#endif
