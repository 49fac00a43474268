/* The scenes of the demonstration. Each says what it shows, does it, and takes everything back. */
#ifndef DEMO_H
#define DEMO_H

#include <rt/console.h>
#include <rt/frames.h>
#include <rt/spawn.h>
#include <rt/start.h>
#include <rt/sync.h>
#include <rt/time.h>
#include <rt/upcall.h>
#include <rt/vcpu.h>

void show_machine(void);
void show_programs(void);
void show_calls(void);
void show_pager(void);
void show_revocation(void);
void show_refusals(void);

/* The heading of a scene. */
void demo_scene(const char *title);

/* A CPU that this program does not run on, if there is one. */
uint32_t demo_other_cpu(void);

/* Starts a child that may print; reports and returns false when that fails. */
bool demo_start(const struct rt_spawn *spawn, struct rt_child *child);

/* Waits until it has exited, ends it, and returns its exit code, or -1. */
int demo_finish(struct rt_child *child);

#endif
