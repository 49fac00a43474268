/* SHA-256 by the instructions of Armv8 (Arm ARM, FEAT_SHA256). Compiled with them, for aarch64. */
#include <arm_neon.h>
#include <string.h>

#include <model/hash.h>

#define BLOCK_BYTES  64
#define LENGTH_BYTES 8 /* behind the padding: the message's length in bits */

/* FIPS 180-4 §4.2.2: fractional parts of the cube roots of the first 64 primes. */
static const uint32_t constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

/* Four rounds with four words of the schedule; the words are replaced by those 16 further on. */
static inline void
four_rounds(uint32x4_t *low, uint32x4_t *high, uint32x4_t words[4], unsigned step)
{
    uint32x4_t *word = &words[step % 4], before = *low;
    uint32x4_t sum = vaddq_u32(*word, vld1q_u32(constants + (size_t)4 * step));
    *low = vsha256hq_u32(*low, *high, sum);
    *high = vsha256h2q_u32(*high, before, sum);
    *word = vsha256su1q_u32(vsha256su0q_u32(*word, words[(step + 1) % 4]), words[(step + 2) % 4],
                            words[(step + 3) % 4]);
}

/* FIPS 180-4 §6.2.2. */
static void
add_blocks(struct hash *hash, const uint8_t *bytes, size_t blocks)
{
    uint32x4_t low = vld1q_u32(hash->state.state), high = vld1q_u32(hash->state.state + 4);
    for (; blocks > 0; blocks--, bytes += BLOCK_BYTES) {
        uint32x4_t words[4], low_before = low, high_before = high;
        for (size_t i = 0; i < 4; i++)
            words[i] = vreinterpretq_u32_u8(vrev32q_u8(vld1q_u8(bytes + 16 * i)));
#pragma GCC unroll 16
        for (unsigned step = 0; step < 16; step++)
            four_rounds(&low, &high, words, step);
        low = vaddq_u32(low, low_before);
        high = vaddq_u32(high, high_before);
    }
    vst1q_u32(hash->state.state, low);
    vst1q_u32(hash->state.state + 4, high);
}

static void
add_by_instructions(struct hash *hash, const void *bytes, size_t count)
{
    const uint8_t *at = bytes;
    size_t held = (size_t)(hash->state.count / 8 % BLOCK_BYTES);
    hash->state.count += (uint64_t)count * 8;
    if (held > 0) {
        size_t more = count < BLOCK_BYTES - held ? count : BLOCK_BYTES - held;
        memcpy(hash->state.buf + held, at, more);
        if (held + more < BLOCK_BYTES)
            return;
        add_blocks(hash, hash->state.buf, 1);
        at += more;
        count -= more;
    }
    add_blocks(hash, at, count / BLOCK_BYTES);
    memcpy(hash->state.buf, at + count / BLOCK_BYTES * BLOCK_BYTES, count % BLOCK_BYTES);
}

/* FIPS 180-4 §5.1.1: a bit that is set, zeros, and the length, big-endian. */
static void
end_by_instructions(struct hash *hash, uint8_t digest[HASH_BYTES])
{
    static const uint8_t padding[BLOCK_BYTES] = {0x80};
    uint64_t bits = hash->state.count;
    size_t held = (size_t)(bits / 8 % BLOCK_BYTES);
    size_t room = held < BLOCK_BYTES - LENGTH_BYTES ? BLOCK_BYTES : 2 * BLOCK_BYTES;
    uint8_t length[LENGTH_BYTES];
    for (unsigned i = 0; i < LENGTH_BYTES; i++)
        length[i] = (uint8_t)(bits >> (56 - 8 * i));
    add_by_instructions(hash, padding, room - LENGTH_BYTES - held);
    add_by_instructions(hash, length, LENGTH_BYTES);
    for (unsigned i = 0; i < HASH_BYTES; i++)
        digest[i] = (uint8_t)(hash->state.state[i / 4] >> (24 - 8 * (i % 4)));
}

const struct hash_method hash_arm = {add_by_instructions, end_by_instructions};
