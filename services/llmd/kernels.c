/* Choosing kernels, and saying so. */
#include "kernels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool
begins_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

/* Of a name without the format at its end: kernels for several formats are of one family. */
static int
family_length(const struct engine_kernel *kernel)
{
    return (int)(strrchr(kernel->name, '-') - kernel->name);
}

static bool
is_of_family(const struct engine_kernel *kernel, const struct engine_kernel *first)
{
    int length = family_length(kernel);
    return family_length(first) == length && memcmp(kernel->name, first->name, (size_t)length) == 0;
}

void
kernels_names(char *text, size_t bytes)
{
    uint32_t count;
    const struct engine_kernel *const *kernels = engine_kernels(&count);
    size_t used = (size_t)snprintf(text, bytes, " " KERNELS_REFERENCE);
    for (uint32_t i = 0, first; i < count && used < bytes; i++) {
        for (first = 0; !is_of_family(kernels[i], kernels[first]);)
            first++;
        if (first == i)
            used += (size_t)snprintf(text + used, bytes - used, " %.*s", family_length(kernels[i]),
                                     kernels[i]->name);
    }
}

bool
kernels_known(const char *forced, struct engine_error *error)
{
    uint32_t count;
    const struct engine_kernel *const *kernels = engine_kernels(&count);
    char names[KERNELS_NAMES_BYTES];
    bool known = strcmp(forced, KERNELS_REFERENCE) == 0;
    for (uint32_t i = 0; i < count; i++)
        known |= forced[0] != '\0' && begins_with(kernels[i]->name, forced);
    kernels_names(names, sizeof(names));
    if (!known)
        (void)engine_fail(error, ENGINE_E_ARGUMENT, "kernel %s: none of%s", forced, names);
    return known;
}

/* Memory to try kernels in: rows of the widest tensor, as in a file and packed, and vectors. */
static size_t
scratch_bytes(const struct engine_model *model)
{
    size_t widest = 0;
    for (uint32_t i = 0; i < model->tensor_count; i++)
        if (model->tensors[i].columns > widest)
            widest = model->tensors[i].columns;
    return (16 * widest * ENGINE_BLOCK_ROWS + 4096 + ENGINE_ARENA_ALIGN - 1) &
           ~(size_t)(ENGINE_ARENA_ALIGN - 1);
}

static int64_t
try_all(struct kernels *kernels, const struct engine_model *model,
        const struct engine_machine *machine, const char *forced)
{
    struct engine_arena scratch = {.size_bytes = scratch_bytes(model)};
    kernels->of_tensor = calloc(model->tensor_count, sizeof(*kernels->of_tensor));
    scratch.base = aligned_alloc(ENGINE_ARENA_ALIGN, scratch.size_bytes);
    int64_t trials = ENGINE_E_SPACE;
    if (kernels->of_tensor != NULL && scratch.base != NULL)
        trials = engine_choose(model, machine, forced, kernels->of_tensor, kernels->trials,
                               KERNELS_TRIALS_MAX, &scratch);
    free(scratch.base);
    return trials;
}

bool
kernels_choose(struct kernels *kernels, const struct engine_model *model,
               const struct engine_machine *machine, const char *forced, struct engine_error *error)
{
    uint64_t start_ns = machine->now_ns(machine->context);
    *kernels = (struct kernels){.forced = forced};
    int64_t trials = try_all(kernels, model, machine, forced);
    if (trials < 0)
        return engine_fail(error, (int)trials, "kernels: no memory to try them in") == ENGINE_OK;
    kernels->trial_count = (uint32_t)(trials < KERNELS_TRIALS_MAX ? trials : KERNELS_TRIALS_MAX);
    kernels->attention = engine_attention_kernel(model, kernels->of_tensor);
    kernels->choice_us = (machine->now_ns(machine->context) - start_ns) / 1000;
    return true;
}

static uint64_t
mmac_per_second(const struct engine_trial *trial)
{
    return trial->time_ns > 0 ? trial->macs * 1000 / trial->time_ns : 0;
}

/* The last one of its kind of tensor. */
static bool
ends_kind(const struct kernels *kernels, uint32_t i)
{
    const struct engine_trial *trial = &kernels->trials[i], *next = trial + 1;
    return i + 1 == kernels->trial_count || next->format != trial->format ||
           next->columns != trial->columns;
}

void
kernels_report(const struct kernels *kernels, const char *name, void (*log)(const char *line))
{
    char line[160];
    bool wanted = kernels->forced == NULL || strcmp(kernels->forced, KERNELS_REFERENCE) == 0;
    bool found = false; /* one that is used for this kind of tensor */
    if (kernels->trial_count == 0) {
        (void)snprintf(line, sizeof(line), "%s: kernel " KERNELS_REFERENCE "%s%s", name,
                       wanted ? "" : ": this machine and these weights fit no ",
                       wanted ? "" : kernels->forced);
        log(line);
    }
    for (uint32_t i = 0; i < kernels->trial_count; i++) {
        const struct engine_trial *trial = &kernels->trials[i];
        unsigned long long rate = mmac_per_second(trial);
        (void)snprintf(line, sizeof(line), "%s: kernel %s, %u columns: %llu.%02llu GMAC/s%s", name,
                       trial->kernel->name, trial->columns, rate / 1000, rate % 1000 / 10,
                       trial->differs  ? ": differs from the scalar one, not used"
                       : trial->chosen ? ", chosen"
                                       : "");
        log(line);
        found |= trial->chosen;
        if (!ends_kind(kernels, i))
            continue;
        (void)snprintf(line, sizeof(line),
                       "%s: kernel " KERNELS_REFERENCE ", %u columns: no other one is left", name,
                       trial->columns);
        if (!found)
            log(line);
        found = false;
    }
}

void
kernels_count(struct metrics_text *text, void *context)
{
    const struct kernels *kernels = context;
    uint32_t differ = 0;
    for (uint32_t i = 0; i < kernels->trial_count; i++)
        differ += kernels->trials[i].differs;
    metrics_put(text, "llmd_kernels_differ", "gauge",
                "trials whose kernel differed from the scalar one", differ);
    metrics_put(text, "llmd_kernel_choice_microseconds", "gauge", "that choosing kernels took",
                kernels->choice_us);
    metrics_type(text, "llmd_kernel_macs_per_second", "gauge",
                 "multiply-accumulates of each kernel that was tried");
    for (uint32_t i = 0; i < kernels->trial_count; i++) {
        const struct engine_trial *trial = &kernels->trials[i];
        metrics_add(text,
                    "llmd_kernel_macs_per_second{kernel=\"%s\",columns=\"%u\",chosen=\"%d\"} "
                    "%llu000000\n",
                    trial->kernel->name, trial->columns, trial->chosen,
                    (unsigned long long)mmac_per_second(trial));
    }
}
