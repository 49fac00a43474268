/* What products read: vectors, in the forms that the kernels of their readers take. */
#include "engine_private.h"

#include <string.h>

/* Which forms readers take. Those that take quants have one group; beside them may be any types. */
struct forms {
    uint32_t all, group;
    bool floats;
};

static struct forms
forms_of(const struct engine *engine, const struct step_readers *readers)
{
    struct forms forms = {0};
    for (int i = 0; i < 3 && readers->of[i] != NULL; i++) {
        uint32_t form = step_kernel(engine, readers->of[i])->form;
        forms.all |= form;
        forms.floats |= form == ENGINE_FLOATS;
        forms.group = form & ENGINE_QUANTS ? readers->of[i]->group : forms.group;
    }
    return forms;
}

void
vectors_finish(struct engine *engine, const struct step_readers *readers, uint32_t slot,
               const float *from)
{
    struct forms forms = forms_of(engine, readers);
    uint32_t columns = readers->of[0]->columns;
    size_t at = (size_t)slot * columns;
    if (forms.floats && from != engine->normed + at)
        memcpy(engine->normed + at, from, columns * sizeof *from);
    if (forms.all & ENGINE_QUANTS)
        engine_quantise(from, columns, forms.group, engine->quants + at,
                        engine->scales + at / forms.group);
    if (forms.all & ENGINE_ANY_INTEGERS)
        engine_quantise_fine(from, columns, engine->integers + at,
                             forms.all & ENGINE_FINE ? engine->fine + at : NULL,
                             engine->integer_scales + at / ENGINE_INTEGER_GROUP,
                             &engine->bases[slot]);
    if (forms.all & ENGINE_SINGLES)
        engine_single_quants(engine->integers + at, columns,
                             engine->singles + at / ENGINE_INTEGER_GROUP);
}

struct engine_vectors
vectors_from(const struct engine *engine, uint32_t slot, uint32_t count,
             const struct engine_tensor *tensor)
{
    size_t at = (size_t)slot * tensor->columns, scales = tensor->group > 1 ? at / tensor->group : 0;
    return (struct engine_vectors){.count = count,
                                   .columns = tensor->columns,
                                   .group = tensor->group,
                                   .values = engine->normed + at,
                                   .quants = engine->quants + at,
                                   .scales = engine->scales + scales,
                                   .integers = engine->integers + at,
                                   .fine = engine->fine + at,
                                   .singles = engine->singles + at / ENGINE_INTEGER_GROUP,
                                   .integer_scales =
                                       engine->integer_scales + at / ENGINE_INTEGER_GROUP,
                                   .bases = engine->bases + slot};
}
