/*
 * GGUF's types whose groups have a minimum, a fifth or sixth bit, or groups of groups. In the
 * types with a K, 256 columns share a half as the scale of their groups' scales, and in two of them
 * another one for what is taken off.
 */
#include "blocks.h"

#include "groups.h"

#include <string.h>

#define K_COLUMNS    256
#define K_SCALE_BITS 12 /* bytes: eight groups' scales and minima, of six bits each */

static float
half_at(const uint8_t *at)
{
    return groups_half((uint16_t)(at[0] | at[1] << 8));
}

static void
expand_f16(const uint8_t *at, uint32_t columns, float *out)
{
    for (uint32_t i = 0; i < columns; i++)
        out[i] = half_at(at + 2 * (size_t)i);
}

static void
expand_bf16(const uint8_t *at, uint32_t columns, float *out)
{
    for (uint32_t i = 0; i < columns; i++) {
        uint32_t bits = (uint32_t)at[2 * (size_t)i] << 16 | (uint32_t)at[2 * (size_t)i + 1] << 24;
        memcpy(&out[i], &bits, sizeof bits);
    }
}

/* Scale, minimum, then column i in the low half of byte i and column i + 16 in its high half. */
static void
expand_q4_1(const uint8_t *at, float *out)
{
    float scale = half_at(at), minimum = half_at(at + 2);
    for (uint32_t i = 0; i < 16; i++) {
        out[i] = (float)(at[4 + i] & 15) * scale + minimum;
        out[i + 16] = (float)(at[4 + i] >> 4) * scale + minimum;
    }
}

/* Scale, a fifth bit of each of the 32 columns, then as above; less 16. */
static void
expand_q5_0(const uint8_t *at, float *out)
{
    float scale = half_at(at);
    for (uint32_t i = 0; i < 32; i++) {
        uint32_t low = i < 16 ? at[6 + i] & 15u : at[6 + i - 16] >> 4;
        uint32_t fifth = at[2 + i / 8] >> i % 8 & 1u;
        out[i] = (float)((int32_t)(low | fifth << 4) - 16) * scale;
    }
}

/* Of group `g` of eight: bytes 0 to 3 have scales, 4 to 7 minima, 8 to 11 the low halves of the
   last four groups', whose high bits are on top of the others'. */
static void
k_scales(const uint8_t *at, uint32_t g, float *scale, float *minimum)
{
    const uint8_t *bits = at + 4;
    uint32_t s = bits[g & 3] & 63u, m = bits[4 + (g & 3)] & 63u;
    if (g >= 4) {
        s = (bits[g + 4] & 15u) | (uint32_t)bits[g - 4] >> 6 << 4;
        m = (uint32_t)bits[g + 4] >> 4 | (uint32_t)bits[g] >> 6 << 4;
    }
    *scale = half_at(at) * (float)s;
    *minimum = half_at(at + 2) * (float)m;
}

void
blocks_scale(enum engine_format format, const uint8_t *row, uint32_t group, float *scale,
             float *offset)
{
    const uint8_t *at = row + engine_row_bytes(format, group * 32 / K_COLUMNS * K_COLUMNS);
    if (format == ENGINE_Q4_K) {
        k_scales(at, group % 8, scale, offset);
        *offset = -*offset;
        return;
    }
    at = row + engine_row_bytes(format, group * 32);
    *scale = half_at(at);
    *offset = half_at(at + 2);
}

/* Group g of 32: in the low halves of 32 bytes where it is even, in the high ones where it is odd;
   `fifths`: bit g of each of 32 bytes counts 16. */
static void
expand_k(const uint8_t *at, const uint8_t *fifths, const uint8_t *halves, float *out)
{
    for (uint32_t g = 0; g < 8; g++) {
        float scale, minimum;
        k_scales(at, g, &scale, &minimum);
        for (uint32_t i = 0; i < 32; i++) {
            uint32_t byte = halves[g / 2 * 32 + i], low = g % 2 == 0 ? byte & 15 : byte >> 4;
            uint32_t fifth = fifths == NULL ? 0 : fifths[i] >> g & 1u;
            out[g * 32 + i] = scale * (float)(low | fifth << 4) - minimum;
        }
    }
}

static void
expand_q4_k(const uint8_t *at, float *out)
{
    expand_k(at, NULL, at + 4 + K_SCALE_BITS, out);
}

static void
expand_q5_k(const uint8_t *at, float *out)
{
    const uint8_t *fifths = at + 4 + K_SCALE_BITS;
    expand_k(at, fifths, fifths + 32, out);
}

/*
 * Two halves of 128 columns, each 64 bytes of low four bits and 32 of high two; then 16 scales, one
 * for 16 columns, and their scale. Column c of a half: byte c % 64, its low half in front of its
 * high one, and bits 2 * (c / 32) of byte c % 32; less 32.
 */
static void
expand_q6_k(const uint8_t *at, float *out)
{
    const int8_t *scales = (const int8_t *)at + 192;
    float scale = half_at(at + 208);
    for (uint32_t i = 0; i < K_COLUMNS; i++) {
        uint32_t half = i / 128, c = i % 128, byte = at[half * 64 + c % 64];
        uint32_t low = c < 64 ? byte & 15 : byte >> 4;
        uint32_t high = at[128 + half * 32 + c % 32] >> c / 32 * 2 & 3u;
        out[i] = scale * (float)scales[i / 16] * (float)((int32_t)(low | high << 4) - 32);
    }
}

static const struct {
    uint32_t columns; /* of a block; 0: there are none */
    void (*expand)(const uint8_t *at, float *out);
    void (*expand_any)(const uint8_t *at, uint32_t columns, float *out); /* without blocks */
} blocks[ENGINE_FORMATS] = {
    [ENGINE_F16] = {.expand_any = expand_f16},
    [ENGINE_BF16] = {.expand_any = expand_bf16},
    [ENGINE_Q4_1] = {32, .expand = expand_q4_1},
    [ENGINE_Q5_0] = {32, .expand = expand_q5_0},
    [ENGINE_Q4_K] = {K_COLUMNS, .expand = expand_q4_k},
    [ENGINE_Q5_K] = {K_COLUMNS, .expand = expand_q5_k},
    [ENGINE_Q6_K] = {K_COLUMNS, .expand = expand_q6_k},
};

void
blocks_expand(enum engine_format format, const uint8_t *at, uint32_t columns, float *out)
{
    uint32_t step = blocks[format].columns;
    if (step == 0) {
        blocks[format].expand_any(at, columns, out);
        return;
    }
    uint64_t bytes = engine_row_bytes(format, step);
    for (uint32_t i = 0; i < columns; i += step, at += bytes)
        blocks[format].expand(at, out + i);
}
