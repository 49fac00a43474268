#include "engine/kernel.h"

/* Half away from zero. What is no number becomes 0, what is too large the nearest quant. */
static int8_t
round_quant(float x)
{
    if (x >= 127)
        return 127;
    if (x <= -127)
        return -127;
    return x == x ? (int8_t)((double)x + (x < 0 ? -0.5 : 0.5)) : 0;
}

static float
greatest(const float *values, uint32_t count)
{
    float most = 0;
    for (uint32_t i = 0; i < count; i++) {
        float size = values[i] < 0 ? -values[i] : values[i];
        if (size > most)
            most = size;
    }
    return most;
}

void
engine_quantise(const float *values, uint32_t columns, uint32_t group, int8_t *quants,
                float *scales)
{
    for (uint32_t start = 0; start < columns; start += group) {
        float scale = greatest(values + start, group) / 127.0f;
        scales[start / group] = scale;
        for (uint32_t i = start; i < start + group; i++)
            quants[i] = scale > 0 ? round_quant(values[i] / scale) : 0;
    }
}
