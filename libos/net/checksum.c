/*
 * The Internet checksum (RFC 1071), eight bytes at a time: the sum of 64-bit words with end-around
 * carry is congruent to that of their 16-bit parts.
 */
#include <arch/cc.h>
#include <string.h>

static uint64_t
add(uint64_t sum, uint64_t value)
{
    sum += value;
    return sum + (sum < value);
}

static uint16_t
fold(uint64_t sum)
{
    sum = (sum >> 32) + (sum & 0xffffffff);
    sum = (sum >> 32) + (sum & 0xffffffff);
    sum = (sum >> 16) + (sum & 0xffff);
    sum = (sum >> 16) + (sum & 0xffff);
    return (uint16_t)sum;
}

/* Not inverted; in the byte order that the bytes are in, wherever they begin (lwIP's LWIP_CHKSUM).
 */
uint16_t
stack_checksum(const void *bytes, int count)
{
    const char *at = bytes;
    uint64_t sum = 0, word;
    for (; count >= 32; count -= 32, at += 32) {
        uint64_t words[4];
        memcpy(words, at, 32);
        sum = add(add(add(add(sum, words[0]), words[1]), words[2]), words[3]);
    }
    for (; count >= 8; count -= 8, at += 8) {
        memcpy(&word, at, 8);
        sum = add(sum, word);
    }
    word = 0;
    memcpy(&word, at, (size_t)count);
    return fold(add(sum, word));
}
