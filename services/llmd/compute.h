/*
 * What a program in the machine computes a model with: its kernels, and workers on its vCPUs. NAME
 * is the program's, in the words NAME.kernel=, NAME.precision= and NAME.workers= of the command
 * line.
 */
#ifndef LLMD_COMPUTE_H
#define LLMD_COMPUTE_H

#include "metrics.h"
#include "model.h"
#include "weights.h"

struct compute_options {
    const char *name;
    uint32_t batch; /* tokens of a step at most */
    void (*log)(const char *line);
};

/*
 * Reads those words, and starts the workers' threads; once, and `options` stay. False, with
 * `error`: a word makes no sense. NAME.kernel=list says which kernels there are, and ends the
 * program.
 */
bool compute_begin(const struct compute_options *options, struct engine_error *error);

/* Opens the model of the newest generation that can be used; those that cannot are refused
 * (weights.h), and *files are those of the one that is. NULL: there is none. One at a time. */
struct model *compute_open(struct files *files);

/* Whether compute_open returned NULL because there is too little memory for a model that may be
 * good: that was said. */
bool compute_is_short(void);

/* Says how it is computed. */
void compute_report(void);

/* The model is not used any more, nor are its files. */
void compute_close(void);

/* Whether so many bytes more can be had, and the frames stay that a program cannot do without, such
 * as tables for addresses that are touched for the first time. */
bool compute_can_spare(size_t bytes);

/*
 * Between steps: gives up weights that can be read, verified and packed again, until so many bytes
 * can be spared; false: they cannot. What is only in memory because it was read goes first, then
 * what was packed last, of both an eighth at most; all of it where somebody fails otherwise
 * (`must`).
 */
bool compute_make_room(size_t bytes, bool must);

/* A step was taken: how many workers take the next ones may change. */
void compute_stepped(uint32_t tokens, uint64_t us);

/* The workers, and what the machine offers: who measures opens an engine of its own with them. */
const struct engine_team *compute_team(void);
const struct engine_machine *compute_machine(void);

/* Of kernels and workers, for /metrics. */
metrics_source compute_count;

#endif
