/* Vectors for the kernels of rows32-q4, from those of the other kernels in integers. */
#include "engine/kernel.h"
#include "lanes.h"

static int32_t
sum_of(ints lanes)
{
    int32_t parts[LANES], sum = 0;
    lanes_store(parts, lanes);
    for (uint32_t i = 0; i < LANES; i++)
        sum += parts[i];
    return sum;
}

/* A lane has a pair: the first quant, and the second less 256 times the first. */
void
engine_single_quants(const int16_t *quants, uint32_t columns, struct engine_single_group *singles)
{
    for (uint32_t start = 0; start < columns; start += ENGINE_INTEGER_GROUP, singles++) {
        ints pairs = lanes_load(quants + start);
        pairs = (ints)((uints)pairs + ((uints)pairs << 24));
        lanes_store(singles->quants, pairs);
        int32_t sum = -8 * sum_of(((pairs << 16) >> 16) + (pairs >> 16));
        singles->begin[0] = (int16_t)(sum * 4369);
        singles->begin[1] = (int16_t)(sum * 273);
        singles->begin[2] = (int16_t)(sum * 17);
        singles->begin[3] = (int16_t)sum;
    }
}
