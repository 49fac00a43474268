/*
 * What is computed over frames, with no device and no stack under it: virtio's header, the parts of
 * a frame that lies in several buffers, and what a NIC that does checksums has to be told.
 */
#ifndef NET_WIRE_H
#define NET_WIRE_H

#include <stdbool.h>
#include <stdint.h>

/* struct virtio_net_hdr, virtio 1.2 §5.1.6; little-endian, as everything here. */
struct wire_header {
    uint8_t flags, gso_type;
    uint16_t header_bytes, gso_bytes;
    uint16_t checksum_start, checksum_offset; /* of the frame; of the field, from there */
    uint16_t buffers;
};

#define WIRE_NEEDS_CHECKSUM 1u /* in `flags`: of what lies behind checksum_start */
#define WIRE_CHECKED        2u /* the device has looked at the checksum, and it is good */

/* --- Merged buffers ------------------------------------------------------------------------------
 */

#define WIRE_PARTS_MAX 64u    /* twice what 64 KiB take, in buffers of 2 KiB */
#define WIRE_BYTES_MAX 65535u /* of a frame: what lwIP's lengths can say */

struct wire_part {
    uint8_t *at;
    uint32_t buffer, bytes;
};

/* A received frame, from its Ethernet header on, in the parts that it lies in. */
struct wire_frame {
    struct wire_part part[WIRE_PARTS_MAX];
    uint32_t parts, bytes;
    bool checked; /* the device says that what TCP or UDP would check is good */
};

enum wire_verdict {
    WIRE_NONE,
    WIRE_FRAME,
    WIRE_DROP, /* the parts hold no frame that could be used */
    WIRE_LIE,  /* what the device says cannot be: it said more parts than there are, none, or too
                  many */
};

/* The next buffer that the device has filled, all of it; false: there is none. */
typedef bool wire_next(void *context, struct wire_part *part);

/*
 * Takes the next frame from `next`. The first buffer begins with `header_bytes` bytes of header (0:
 * there is none), which says, if `merged` was agreed on, in how many buffers the frame lies: all of
 * them are there when the first is (virtio 1.2 §5.1.6.4.1). The device's word is bounded. Whatever
 * the verdict, the caller has to give `parts` buffers back.
 */
enum wire_verdict wire_take(struct wire_frame *frame, uint32_t header_bytes, bool merged,
                            wire_next *next, void *context);

/* --- Checksums -----------------------------------------------------------------------------------
 */

/* The Internet checksum (RFC 1071): not inverted, in the byte order that the bytes are in. */
uint16_t wire_sum(const void *bytes, int count);

/* Where the TCP or UDP header of a frame is, and the checksum in it. */
struct wire_segment {
    uint16_t start, field; /* from the frame's begin; from there */
    uint16_t bytes;        /* header and data */
    uint8_t protocol;
};

/*
 * False: it is no whole TCP segment or UDP datagram in IPv4 or, without further headers, IPv6.
 * `bytes` of the frame lie at `frame`, of which only the headers have to.
 */
bool wire_find_segment(const uint8_t *frame, uint32_t bytes, struct wire_segment *segment);

/*
 * Leaves the checksum to the device: puts the pseudo header's sum where the checksum is to be, and
 * says so in the header (virtio 1.2 §5.1.6.2).
 */
void wire_offload(uint8_t *frame, const struct wire_segment *segment, struct wire_header *header);

#endif
