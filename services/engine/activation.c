/* silu(gate) * up. */
#include "engine_private.h"
#include "lanes.h"
#include "real.h"

/* gate = silu(gate) * up, in integers as far as it pays; `count` is of whole groups. */
static void
activate_fast(float *gate, const float *up, uint32_t count)
{
    for (uint32_t i = 0; i < count; i += LANES) {
        ints x = lanes_load(gate + i), y = lanes_load(up + i);
        ints sigmoid = (ints)lanes_to_floats(lanes_sigmoid(x));
        sigmoid = (sigmoid - (16 << LANES_MANTISSA)) & (sigmoid != 0);
        lanes_store(gate + i, (ints)((reals)x * (reals)sigmoid * (reals)y));
    }
}

static void
activate_exactly(float *gate, const float *up, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        gate[i] = gate[i] / (1.0f + real_exp(-gate[i])) * up[i];
}

void
step_activate(struct engine *engine, const struct engine_layer *layer, struct share_range blocks)
{
    bool fast = step_kernel(engine, layer->down)->form & ENGINE_ANY_INTEGERS;
    uint32_t first = blocks.first * ENGINE_BLOCK_ROWS, end = blocks.end * ENGINE_BLOCK_ROWS;
    uint32_t count = (end < layer->gate->rows ? end : layer->gate->rows) - first;
    for (uint32_t t = 0; t < engine->token_count; t++)
        (fast ? activate_fast : activate_exactly)(engine->gate[t] + first, engine->up[t] + first,
                                                  count);
}
