/*
 * Which kernels a model is computed with: the fastest of this machine, found by trying them, or
 * those that somebody forces by name.
 */
#ifndef LLMD_KERNELS_H
#define LLMD_KERNELS_H

#include "engine/choice.h"

#include "metrics.h"

#define KERNELS_REFERENCE   "reference" /* forces those that give llama2.c's text exactly */
#define KERNELS_TRIALS_MAX  32u
#define KERNELS_NAMES_BYTES 512u

struct kernels {
    const struct engine_kernel **of_tensor; /* malloc: the caller's to free */
    const struct engine_kernel *attention;  /* NULL: in floats */
    const char *forced;                     /* NULL: any */
    uint32_t trial_count;
    struct engine_trial trials[KERNELS_TRIALS_MAX];
    uint64_t choice_us; /* that it took */
};

/*
 * Chooses for all tensors of `model`, among the kernels whose name begins with `forced` (NULL:
 * all). False, with `error`: too little memory.
 */
bool kernels_choose(struct kernels *kernels, const struct engine_model *model,
                    const struct engine_machine *machine, const char *forced,
                    struct engine_error *error);

/* Whether a kernel's name begins so; false, with `error`, else. */
bool kernels_known(const char *forced, struct engine_error *error);

/* The names that can be forced, without the formats at their ends, with a space in front of each,
 * as far as they fit. */
void kernels_names(char *text, size_t bytes);

/* What was found out, a line for each kind of tensor, as said by `name`, to `log`. */
void kernels_report(const struct kernels *kernels, const char *name, void (*log)(const char *line));

/* The same for /metrics: the context is the struct kernels. */
metrics_source kernels_count;

#endif
