/* Which kernel is used for which kind of tensor. */
#include "trial.h"

#include <string.h>

static bool
is_faster(const struct engine_trial *trial, const struct engine_trial *best)
{
    if (best->kernel == NULL)
        return true;
    if (trial->time_ns == 0)
        return trial->kernel->layout == best->kernel->layout;
    return (double)trial->macs / (double)trial->time_ns >
           (double)best->macs / (double)best->time_ns;
}

static bool
begins_with(const char *text, const char *start)
{
    return start == NULL || strncmp(text, start, strlen(start)) == 0;
}

static bool
fits(const struct engine_kernel *kernel, const struct engine_tensor *tensor,
     const struct engine_machine *machine, const char *forced)
{
    const struct engine_layout *layout = kernel->layout;
    return engine_layout_fits(layout, tensor) &&
           (machine->layout == NULL || strcmp(layout->name, machine->layout) == 0) &&
           (kernel->features & ~machine->features) == 0 &&
           (kernel->vector_bytes == 0 || kernel->vector_bytes == machine->vector_bytes) &&
           begins_with(kernel->name, forced);
}

/* Where the trials of all kinds of tensors go. */
struct trials {
    struct engine_trial *list;
    uint32_t count, max;
};

/* The best kernel for a kind of tensor, or the reference. */
static const struct engine_kernel *
choose_kernel(struct bench *bench, const struct engine_machine *machine, const char *forced,
              struct trials *trials)
{
    uint32_t count, first = trials->count, best_at = UINT32_MAX;
    const struct engine_kernel *const *kernels = engine_kernels(&count);
    struct engine_trial best = {.kernel = NULL};
    for (uint32_t i = 0; i < count; i++) {
        if (!fits(kernels[i], bench->tensor, machine, forced))
            continue;
        struct engine_trial trial = bench_try(bench, machine, kernels[i], &best);
        if (!trial.differs && is_faster(&trial, &best)) {
            best = trial;
            best_at = trials->count;
        }
        if (trials->count < trials->max)
            trials->list[trials->count] = trial;
        trials->count++;
    }
    if (best_at >= first && best_at < trials->max)
        trials->list[best_at].chosen = true;
    return best.kernel != NULL ? best.kernel : engine_kernel_reference(bench->tensor->format);
}

/* An earlier tensor of the same kind, or the tensor itself. */
static const struct engine_tensor *
first_of_kind(const struct engine_model *model, const struct engine_tensor *tensor)
{
    const struct engine_tensor *first = model->tensors;
    while (first->format != tensor->format || first->columns != tensor->columns ||
           first->group != tensor->group || (first->rows > 1) != (tensor->rows > 1))
        first++;
    return first;
}

/* Into any layout. */
static bool
can_be_packed(const struct engine_tensor *tensor)
{
    uint32_t count;
    const struct engine_kernel *const *kernels = engine_kernels(&count);
    for (uint32_t i = 0; i < count; i++)
        if (engine_layout_fits(kernels[i]->layout, tensor))
            return true;
    return false;
}

int64_t
engine_choose(const struct engine_model *model, const struct engine_machine *machine,
              const char *forced, const struct engine_kernel **kernels, struct engine_trial *list,
              uint32_t trials_max, struct engine_arena *scratch)
{
    struct trials trials = {list, 0, trials_max};
    size_t used_bytes = scratch->used_bytes;
    for (uint32_t i = 0; i < model->tensor_count; i++) {
        const struct engine_tensor *tensor = &model->tensors[i];
        const struct engine_tensor *first = first_of_kind(model, tensor);
        struct bench bench;
        if (first != tensor || !can_be_packed(tensor)) {
            kernels[i] =
                first != tensor ? kernels[first->index] : engine_kernel_reference(tensor->format);
            continue;
        }
        scratch->used_bytes = used_bytes;
        if (!bench_begin(&bench, tensor, scratch))
            return ENGINE_E_SPACE;
        kernels[i] = choose_kernel(&bench, machine, forced, &trials);
    }
    scratch->used_bytes = used_bytes;
    return trials.count;
}

const struct engine_kernel *
engine_attention_kernel(const struct engine_model *model,
                        const struct engine_kernel *const *kernels)
{
    for (uint32_t i = 0; model->shape.window == 0 && i < model->tensor_count; i++)
        if (kernels[i]->sums != NULL)
            return kernels[i];
    return NULL;
}
