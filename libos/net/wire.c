/* Arithmetic over frames. */
#include <net/wire.h>

#define ETHERNET_BYTES 14u
#define TYPE_AT        12u
#define IP4_BYTES      20u
#define IP6_BYTES      40u
#define TCP            6u
#define UDP            17u

_Static_assert(sizeof(struct wire_header) == 12, "virtio 1.2 §5.1.6");

/* --- Merged buffers ------------------------------------------------------------------------------
 */

static bool
take_part(struct wire_frame *frame, wire_next *next, void *context)
{
    struct wire_part *part = &frame->part[frame->parts];
    if (!next(context, part))
        return false;
    frame->parts++;
    frame->bytes += part->bytes;
    return true;
}

static void
cut_header(struct wire_frame *frame, uint32_t bytes)
{
    frame->part[0].at += bytes;
    frame->part[0].bytes -= bytes;
    frame->bytes -= bytes;
}

enum wire_verdict
wire_take(struct wire_frame *frame, uint32_t header_bytes, bool merged, wire_next *next,
          void *context)
{
    struct wire_header header = {.buffers = 1};
    frame->parts = frame->bytes = 0;
    frame->checked = false;
    if (!take_part(frame, next, context))
        return WIRE_NONE;
    if (frame->bytes < header_bytes)
        return merged ? WIRE_LIE : WIRE_DROP;
    if (header_bytes != 0)
        __builtin_memcpy(&header, frame->part[0].at, sizeof(header));
    cut_header(frame, header_bytes);
    uint32_t parts = merged ? header.buffers : 1;
    if (parts == 0 || parts > WIRE_PARTS_MAX)
        return WIRE_LIE;
    while (frame->parts < parts)
        if (!take_part(frame, next, context))
            return WIRE_LIE;
    frame->checked = (header.flags & (WIRE_NEEDS_CHECKSUM | WIRE_CHECKED)) != 0;
    return frame->bytes <= WIRE_BYTES_MAX ? WIRE_FRAME : WIRE_DROP;
}

/* --- Checksums -----------------------------------------------------------------------------------
 */

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

/*
 * Eight bytes at a time: the sum of 64-bit words with end-around carry is congruent to that of
 * their 16-bit parts.
 */
static uint64_t
add_bytes(uint64_t sum, const void *bytes, int count)
{
    const char *at = bytes;
    uint64_t word;
    for (; count >= 32; count -= 32, at += 32) {
        uint64_t words[4];
        __builtin_memcpy(words, at, 32);
        sum = add(add(add(add(sum, words[0]), words[1]), words[2]), words[3]);
    }
    for (; count >= 8; count -= 8, at += 8) {
        __builtin_memcpy(&word, at, 8);
        sum = add(sum, word);
    }
    word = 0;
    __builtin_memcpy(&word, at, (uint64_t)count);
    return add(sum, word);
}

uint16_t
wire_sum(const void *bytes, int count)
{
    return fold(add_bytes(0, bytes, count));
}

static uint32_t
big16(const uint8_t *at)
{
    return (uint32_t)at[0] << 8 | at[1];
}

/* Room for the header; where its checksum is. 0: of this protocol nothing is known. */
static uint16_t
field_of(uint8_t protocol)
{
    return protocol == TCP ? 16 : protocol == UDP ? 6 : 0;
}

static bool
find_in_ip4(const uint8_t *ip, uint32_t bytes, struct wire_segment *segment)
{
    if (bytes < IP4_BYTES || ip[0] >> 4 != 4)
        return false;
    uint32_t header = (ip[0] & 15u) * 4, total = big16(ip + 2);
    if ((big16(ip + 6) & 0x3fff) != 0) /* a fragment: more of them, or an offset */
        return false;
    if (header < IP4_BYTES || header > total)
        return false;
    *segment = (struct wire_segment){(uint16_t)(ETHERNET_BYTES + header), field_of(ip[9]),
                                     (uint16_t)(total - header), ip[9]};
    return true;
}

static bool
find_in_ip6(const uint8_t *ip, uint32_t bytes, struct wire_segment *segment)
{
    if (bytes < IP6_BYTES || ip[0] >> 4 != 6)
        return false;
    *segment = (struct wire_segment){(uint16_t)(ETHERNET_BYTES + IP6_BYTES), field_of(ip[6]),
                                     (uint16_t)big16(ip + 4), ip[6]};
    return true;
}

bool
wire_find_segment(const uint8_t *frame, uint32_t bytes, struct wire_segment *segment)
{
    if (bytes < ETHERNET_BYTES)
        return false;
    uint32_t type = big16(frame + TYPE_AT);
    const uint8_t *ip = frame + ETHERNET_BYTES;
    bool found = type == 0x0800   ? find_in_ip4(ip, bytes - ETHERNET_BYTES, segment)
                 : type == 0x86dd ? find_in_ip6(ip, bytes - ETHERNET_BYTES, segment)
                                  : false;
    return found && segment->field != 0 && segment->bytes >= segment->field + 2u &&
           bytes >= segment->start + segment->field + 2u;
}

void
wire_offload(uint8_t *frame, const struct wire_segment *segment, struct wire_header *header)
{
    const uint8_t rest[4] = {0, segment->protocol, (uint8_t)(segment->bytes >> 8),
                             (uint8_t)segment->bytes};
    bool six = frame[ETHERNET_BYTES] >> 4 == 6;
    uint64_t sum = six ? add_bytes(0, frame + ETHERNET_BYTES + 8, 32)
                       : add_bytes(0, frame + ETHERNET_BYTES + 12, 8);
    uint16_t pseudo = fold(add_bytes(sum, rest, sizeof(rest)));
    __builtin_memcpy(frame + segment->start + segment->field, &pseudo, sizeof(pseudo));
    *header = (struct wire_header){.flags = WIRE_NEEDS_CHECKSUM,
                                   .checksum_start = segment->start,
                                   .checksum_offset = segment->field};
}
