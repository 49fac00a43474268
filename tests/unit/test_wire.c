/* Frames in several buffers, from a device that may lie; checksums, against their plain definition.
 */
#include "tap.h"

#include <net/ip4.h>
#include <net/wire.h>

#include <stdlib.h>
#include <string.h>

#define HEADER      12u
#define BUFFER      2048u
#define BUFFERS     200u
#define FRAME_BYTES 1600u

/* --- Merged buffers ------------------------------------------------------------------------------
 */

/* What the device has filled: `count` buffers, and how much it says it wrote into each. */
static struct {
    uint8_t *bytes[BUFFERS];
    uint32_t length[BUFFERS], count, taken;
} device;

static bool
next(void *context, struct wire_part *part)
{
    (void)context;
    if (device.taken == device.count)
        return false;
    uint32_t i = device.taken++;
    *part = (struct wire_part){device.bytes[i], i, device.length[i]};
    return true;
}

/* Buffers of their own, so that a sanitizer sees who reads beyond one. */
static void
fill(uint32_t count, uint32_t length, uint16_t said, uint8_t flags)
{
    const struct wire_header header = {.flags = flags, .buffers = said};
    for (uint32_t i = 0; i < BUFFERS; i++) {
        free(device.bytes[i]);
        device.bytes[i] = i < count ? calloc(1, length > 0 ? length : 1) : NULL;
        device.length[i] = length;
    }
    device.count = count;
    device.taken = 0;
    if (count > 0)
        memcpy(device.bytes[0], &header, length < sizeof(header) ? length : sizeof(header));
}

static void
no_buffer_is_no_frame(void)
{
    struct wire_frame frame;
    fill(0, 0, 0, 0);
    CHECK_EQ(wire_take(&frame, HEADER, true, next, NULL), WIRE_NONE);
    CHECK_EQ(frame.parts, 0);
}

static void
frame_lies_in_as_many_buffers_as_its_header_says(void)
{
    struct wire_frame frame;
    for (uint16_t parts = 1; parts <= 31; parts++) {
        fill(40, BUFFER, parts, 0);
        CHECK_EQ(wire_take(&frame, HEADER, true, next, NULL), WIRE_FRAME);
        CHECK_EQ(frame.parts, parts);
        CHECK_EQ(device.taken, parts);
        CHECK_EQ(frame.bytes, parts * BUFFER - HEADER);
        CHECK_EQ(frame.part[0].bytes, BUFFER - HEADER);
        for (uint32_t i = 0; i < parts; i++) {
            CHECK_EQ(frame.part[i].buffer, i);
            CHECK(frame.part[i].at == device.bytes[i] + (i == 0 ? HEADER : 0));
        }
    }
}

static void
number_of_buffers_counts_only_where_it_was_agreed_on(void)
{
    struct wire_frame frame;
    fill(4, BUFFER, 3, 0);
    CHECK_EQ(wire_take(&frame, HEADER, false, next, NULL), WIRE_FRAME);
    CHECK_EQ(frame.parts, 1);
    fill(4, BUFFER, 3, 0xff);
    CHECK_EQ(wire_take(&frame, 0, false, next, NULL), WIRE_FRAME); /* of a port: no header at all */
    CHECK_EQ(frame.bytes, BUFFER);
    CHECK(!frame.checked);
}

static void
number_that_cannot_be_is_a_lie(void)
{
    static const uint16_t said[] = {0, WIRE_PARTS_MAX + 1, 255, 0x7fff, 0x8000, 0xffff};
    struct wire_frame frame;
    for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
        fill(BUFFERS, 100, said[i], 0);
        CHECK_EQ(wire_take(&frame, HEADER, true, next, NULL), WIRE_LIE);
        CHECK_EQ(frame.parts, 1);
    }
}

/* The device shows all buffers of a frame at once: those that are there go back. */
static void
buffers_that_are_not_there_are_a_lie(void)
{
    struct wire_frame frame;
    for (uint32_t there = 1; there < 20; there++) {
        fill(there, 100, 20, 0);
        CHECK_EQ(wire_take(&frame, HEADER, true, next, NULL), WIRE_LIE);
        CHECK_EQ(frame.parts, there);
    }
}

static void
buffer_without_a_whole_header_is_no_frame(void)
{
    struct wire_frame frame;
    for (uint32_t bytes = 0; bytes < HEADER; bytes++) {
        fill(2, bytes, 1, 0);
        CHECK_EQ(wire_take(&frame, HEADER, false, next, NULL), WIRE_DROP);
        CHECK_EQ(frame.parts, 1);
        fill(2, bytes, 1, 0);
        CHECK_EQ(wire_take(&frame, HEADER, true, next, NULL), WIRE_LIE);
    }
}

static void
frame_of_more_than_64_kib_is_dropped_whole(void)
{
    struct wire_frame frame;
    fill(40, BUFFER, 33, 0);
    CHECK_EQ(wire_take(&frame, HEADER, true, next, NULL), WIRE_DROP);
    CHECK_EQ(frame.parts, 33);
    device.taken = 0;
    device.length[32] = 2; /* 65,526 bytes are good */
    CHECK_EQ(wire_take(&frame, HEADER, true, next, NULL), WIRE_FRAME);
    CHECK_EQ(frame.bytes, 32 * BUFFER - HEADER + 2);
}

static void
empty_parts_are_good(void)
{
    struct wire_frame frame;
    fill(3, HEADER, 3, 0);
    device.length[1] = 0;
    CHECK_EQ(wire_take(&frame, HEADER, true, next, NULL), WIRE_FRAME);
    CHECK_EQ(frame.part[0].bytes, 0);
    CHECK_EQ(frame.bytes, HEADER);
}

static void
frame_is_checked_when_a_flag_says_so(void)
{
    struct wire_frame frame;
    for (unsigned flags = 0; flags < 256; flags++) {
        fill(1, 100, 1, (uint8_t)flags);
        CHECK_EQ(wire_take(&frame, HEADER, true, next, NULL), WIRE_FRAME);
        CHECK_EQ(frame.checked, (flags & 3) != 0);
    }
}

/* --- Checksums -----------------------------------------------------------------------------------
 */

/* RFC 1071 §4.1, in network order, not inverted. */
static uint16_t
plain_sum(uint32_t sum, const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        sum += i % 2 == 0 ? (uint32_t)bytes[i] << 8 : bytes[i];
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

static uint16_t
swapped(uint16_t word)
{
    return (uint16_t)(word << 8 | word >> 8);
}

/* 0 and 0xffff are the same number in this arithmetic. */
static bool
same(uint16_t a, uint16_t b)
{
    return a % 0xffff == b % 0xffff;
}

static void
sum_is_the_plain_one_wherever_the_bytes_begin(void)
{
    uint64_t state = 1;
    for (uint32_t count = 0; count < 300; count++)
        for (uint32_t begin = 0; begin < 9; begin++) {
            uint8_t *bytes = malloc(begin + count);
            for (uint32_t i = 0; i < begin + count; i++)
                bytes[i] = (uint8_t)(tap_random(&state, 4) == 0 ? 255 : tap_random(&state, 256));
            CHECK(same(swapped(wire_sum(bytes + begin, (int)count)),
                       plain_sum(0, bytes + begin, count)));
            free(bytes);
        }
}

/* A frame of `protocol` with `options` bytes of IPv4 options and `data` bytes behind its header. */
static uint32_t
make_frame(uint8_t *frame, bool six, uint8_t protocol, uint32_t options, uint32_t data)
{
    uint32_t header = protocol == 6 ? 20 : 8, total = header + data;
    uint8_t *ip = frame + 14;
    for (uint32_t i = 0; i < FRAME_BYTES; i++)
        frame[i] = (uint8_t)(i * 11 + data);
    frame[12] = six ? 0x86 : 0x08;
    frame[13] = six ? 0xdd : 0x00;
    if (six) {
        ip[0] = 0x60;
        ip[4] = (uint8_t)(total >> 8);
        ip[5] = (uint8_t)total;
        ip[6] = protocol;
        return 14 + 40 + total;
    }
    total += 20 + options;
    ip[0] = (uint8_t)(0x45 + options / 4);
    ip[2] = (uint8_t)(total >> 8);
    ip[3] = (uint8_t)total;
    ip[6] = 0x40; /* not to be fragmented */
    ip[7] = 0;
    ip[9] = protocol;
    return 14 + total;
}

/* What a NIC does with flags and places that it was given; then what a receiver checks. */
static void
check_offload(bool six, uint32_t options, uint32_t data)
{
    uint8_t frame[FRAME_BYTES];
    uint32_t bytes = make_frame(frame, six, 6, options, data);
    struct wire_segment segment;
    struct wire_header header;
    CHECK(wire_find_segment(frame, bytes, &segment));
    CHECK_EQ(segment.start, six ? 54 : 34 + options);
    CHECK_EQ(segment.bytes, 20 + data);
    wire_offload(frame, &segment, &header);
    CHECK_EQ(header.flags, WIRE_NEEDS_CHECKSUM);
    CHECK_EQ(header.gso_type, 0);
    uint16_t sum =
        (uint16_t)~plain_sum(0, frame + header.checksum_start, bytes - header.checksum_start);
    frame[header.checksum_start + header.checksum_offset] = (uint8_t)(sum >> 8);
    frame[header.checksum_start + header.checksum_offset + 1] = (uint8_t)sum;
    uint32_t pseudo = plain_sum(6 + 20 + data, six ? frame + 22 : frame + 26, six ? 32 : 8);
    CHECK(same(plain_sum(pseudo, frame + segment.start, 20 + data), 0xffff));
}

static void
checksum_that_is_left_to_the_device_is_right(void)
{
    for (uint32_t data = 0; data < 1400; data += 7) {
        check_offload(true, 0, data);
        for (uint32_t options = 0; options <= 40; options += 20)
            check_offload(false, options, data);
    }
}

static void
what_is_no_whole_segment_is_not_found(void)
{
    uint8_t frame[FRAME_BYTES];
    struct wire_segment segment;
    uint32_t bytes = make_frame(frame, false, 17, 0, 100);
    CHECK(wire_find_segment(frame, bytes, &segment));
    CHECK_EQ(segment.field, 6);
    frame[20] |= 0x20; /* more fragments */
    CHECK(!wire_find_segment(frame, bytes, &segment));
    frame[20] = 0;
    frame[21] = 1; /* not the first one */
    CHECK(!wire_find_segment(frame, bytes, &segment));
    frame[21] = 0;
    frame[14] = 0x44; /* a header of 16 bytes */
    CHECK(!wire_find_segment(frame, bytes, &segment));
    frame[14] = 0x65;
    CHECK(!wire_find_segment(frame, bytes, &segment));
    (void)make_frame(frame, false, 1, 0, 100); /* ICMP */
    CHECK(!wire_find_segment(frame, bytes, &segment));
    (void)make_frame(frame, true, 0, 0, 100); /* IPv6 with options */
    CHECK(!wire_find_segment(frame, bytes, &segment));
    (void)make_frame(frame, true, 6, 0, 100);
    frame[12] = 0x08; /* ARP */
    frame[13] = 0x06;
    CHECK(!wire_find_segment(frame, bytes, &segment));
}

/* Each prefix in memory of its own: nothing is read behind it. */
static void
headers_that_are_cut_off_are_not_found(void)
{
    for (unsigned six = 0; six < 2; six++) {
        uint8_t frame[FRAME_BYTES];
        struct wire_segment segment;
        uint32_t whole = make_frame(frame, six, 6, six ? 0 : 8, 10);
        uint32_t needed = six ? 54 + 18 : 42 + 18;
        for (uint32_t bytes = 0; bytes <= whole; bytes++) {
            uint8_t *copy = malloc(bytes > 0 ? bytes : 1);
            memcpy(copy, frame, bytes);
            CHECK_EQ(wire_find_segment(copy, bytes, &segment), bytes >= needed);
            free(copy);
        }
    }
}

static void
header_that_is_longer_than_its_packet_is_not_found(void)
{
    uint8_t frame[FRAME_BYTES];
    struct wire_segment segment;
    uint32_t bytes = make_frame(frame, false, 6, 0, 100);
    for (uint32_t total = 0; total < 60; total++) {
        frame[16] = 0;
        frame[17] = (uint8_t)total;
        CHECK_EQ(wire_find_segment(frame, bytes, &segment), total >= 20 + 18);
    }
}

/* --- Addresses -----------------------------------------------------------------------------------
 */

static void
address_is_four_numbers_and_nothing_else(void)
{
    static const char *const wrong[] = {
        "",          "1",         "1.2.3",    "1.2.3.",     "1.2.3.4.",
        "1.2.3.4.5", "256.1.1.1", "1.2.3.4 ", " 1.2.3.4",   "1..3.4",
        "0x1.2.3.4", "1.2.3.-4",  "1.2.3.4a", "1.2.3.0004", "1.2.3.99999999999",
    };
    uint8_t ip[4];
    CHECK(ip4_parse("10.0.255.7", ip));
    CHECK_EQ(ip[0], 10);
    CHECK_EQ(ip[2], 255);
    CHECK_EQ(ip[3], 7);
    CHECK(ip4_parse("0.0.0.0", ip));
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        CHECK(!ip4_parse(wrong[i], ip));
}

static const struct tap_test tests[] = {
    TAP(no_buffer_is_no_frame),
    TAP(frame_lies_in_as_many_buffers_as_its_header_says),
    TAP(number_of_buffers_counts_only_where_it_was_agreed_on),
    TAP(number_that_cannot_be_is_a_lie),
    TAP(buffers_that_are_not_there_are_a_lie),
    TAP(buffer_without_a_whole_header_is_no_frame),
    TAP(frame_of_more_than_64_kib_is_dropped_whole),
    TAP(empty_parts_are_good),
    TAP(frame_is_checked_when_a_flag_says_so),
    TAP(sum_is_the_plain_one_wherever_the_bytes_begin),
    TAP(checksum_that_is_left_to_the_device_is_right),
    TAP(what_is_no_whole_segment_is_not_found),
    TAP(headers_that_are_cut_off_are_not_found),
    TAP(header_that_is_longer_than_its_packet_is_not_found),
    TAP(address_is_four_numbers_and_nothing_else),
};
TAP_MAIN(tests)
