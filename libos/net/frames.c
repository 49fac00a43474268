/* Frames in as custom pbufs over the device's buffers, frames out as scatter lists. */
#include "private.h"

#include <rt/string.h>

#include <lwip/prot/ip.h>

#define COOKIE_SPARE (1ull << 63) /* of a frame that was copied: the number of its spare buffer */

/* A buffer that lwIP has: the pbuf that stands for it while anybody in the stack or above wants it.
 */
struct received {
    struct pbuf_custom pbuf;
    uint32_t buffer;
};

static struct stack *stack_of_nic; /* pbuf_custom's callback gets nothing else */
static struct received received[STACK_BUFFERS_MAX];
/* A bit for each buffer that was given back: by any thread, and without the stack's lock. */
static _Atomic uint64_t returned[STACK_BUFFERS_MAX / 64];

void
frames_of(struct stack *stack)
{
    stack_of_nic = stack;
}

/* A hole in what a connection receives must not take all buffers. */
uint16_t
stack_ooseq_max(void)
{
    return stack_of_nic->held < OOSEQ_HELD_MAX ? OOSEQ_HELD_MAX : 0;
}

/* --- In -----------------------------------------------------------------------------------------
 */

static void
free_received(struct pbuf *pbuf)
{
    struct received *part = (struct received *)(void *)pbuf;
    (void)atomic_fetch_sub_explicit(&stack_of_nic->held, 1, memory_order_relaxed);
    /* Release: it was read before the device may write to it again. */
    (void)atomic_fetch_or_explicit(&returned[part->buffer / 64], 1ull << part->buffer % 64,
                                   memory_order_release);
}

void
frames_give_back(struct stack *stack)
{
    for (uint32_t i = 0; i < STACK_BUFFERS_MAX / 64; i++) {
        uint64_t bits = 0;
        if (atomic_load_explicit(&returned[i], memory_order_relaxed) != 0)
            bits = atomic_exchange_explicit(&returned[i], 0, memory_order_acquire);
        for (; bits != 0; bits &= bits - 1)
            (void)nic_receive_into(&stack->nic, i * 64 + (uint32_t)__builtin_ctzll(bits));
    }
}

/* The last part first, so that each knows how many bytes follow. */
static struct pbuf *
chain_of(struct stack *stack, const struct wire_frame *frame)
{
    struct pbuf *next = NULL;
    for (uint32_t i = frame->parts; i-- > 0;) {
        const struct wire_part *part = &frame->part[i];
        struct received *slot = &received[part->buffer];
        slot->buffer = part->buffer;
        slot->pbuf.custom_free_function = free_received;
        struct pbuf *pbuf = pbuf_alloced_custom(PBUF_RAW, (u16_t)part->bytes, PBUF_REF, &slot->pbuf,
                                                part->at, (u16_t)part->bytes);
        pbuf->tot_len = (u16_t)(part->bytes + (next != NULL ? next->tot_len : 0));
        pbuf->next = next;
        next = pbuf;
        (void)atomic_fetch_add_explicit(&stack->held, 1, memory_order_relaxed);
    }
    return next;
}

/* The frame in memory of lwIP's; its buffers are the NIC's again. NULL: there is none. */
static struct pbuf *
copy_of(struct stack *stack, const struct wire_frame *frame)
{
    struct pbuf *pbuf = pbuf_alloc(PBUF_RAW, (u16_t)frame->bytes, PBUF_RAM);
    u16_t at = 0;
    for (uint32_t i = 0; i < frame->parts; i++) {
        const struct wire_part *part = &frame->part[i];
        if (pbuf != NULL)
            (void)pbuf_take_at(pbuf, part->at, (u16_t)part->bytes, at);
        at = (u16_t)(at + part->bytes);
        (void)nic_receive_into(&stack->nic, part->buffer);
    }
    stack->counts.copied[STACK_COPY_KEEP] += pbuf != NULL ? frame->bytes : 0;
    return pbuf;
}

/*
 * lwIP checks what the device has not. Its checks are switched per interface; as it is done with a
 * frame before we hand it the next, that is as good as a switch per frame. Fragments are checked
 * when they are whole, which no device has seen.
 */
static void
choose_checks(struct stack *stack, const struct wire_frame *frame)
{
    struct wire_segment segment;
    bool trusted =
        frame->checked && wire_find_segment(frame->part[0].at, frame->part[0].bytes, &segment);
    const u16_t checks = NETIF_CHECKSUM_CHECK_TCP | NETIF_CHECKSUM_CHECK_UDP;
    u16_t flags = stack->netif.chksum_flags;
    NETIF_SET_CHECKSUM_CTRL(&stack->netif, (u16_t)(trusted ? flags & ~checks : flags | checks));
    stack->counts.trusted_in += trusted;
}

static void
take_frame(struct stack *stack, const struct wire_frame *frame)
{
    bool keep = atomic_load_explicit(&stack->held, memory_order_relaxed) < STACK_HELD_MAX;
    choose_checks(stack, frame);
    struct pbuf *pbuf = keep ? chain_of(stack, frame) : copy_of(stack, frame);
    stack->counts.frames_in++;
    stack->counts.bytes_in += frame->bytes;
    stack->counts.merged_in += frame->parts > 1;
    stack->counts.copied[STACK_COPY_PORT] += stack->nic.skip != 0 ? frame->bytes : 0;
    if (pbuf != NULL && early_keep(stack, pbuf))
        return;
    if (pbuf == NULL || stack->netif.input(pbuf, &stack->netif) != ERR_OK) {
        stack->counts.dropped_in++;
        if (pbuf != NULL)
            pbuf_free(pbuf);
    }
}

uint32_t
frames_take(struct stack *stack, uint32_t most)
{
    struct wire_frame frame;
    uint32_t count = 0;
    for (; count < most && nic_take(&stack->nic, &frame); count++)
        take_frame(stack, &frame);
    return count;
}

/* --- Out ----------------------------------------------------------------------------------------
 */

static const struct stack_range *
range_of(const struct stack *stack, const void *at, uint32_t length)
{
    uint64_t start = (uint64_t)(uintptr_t)at;
    for (uint32_t i = 0; i < stack->range_count; i++) {
        const struct stack_range *range = &stack->range[i];
        if (start >= range->start && start + length <= range->end)
            return range;
    }
    return NULL;
}

/* The parts of a frame as the device is to read them; 0: something lies where it may not read. */
static uint32_t
parts_of(const struct stack *stack, const struct pbuf *frame, struct vq_part *parts)
{
    uint32_t count = 0;
    for (const struct pbuf *piece = frame; piece != NULL; piece = piece->next) {
        if (piece->len == 0)
            continue;
        const struct stack_range *range = range_of(stack, piece->payload, piece->len);
        if (range == NULL || count == VQ_PARTS_MAX)
            return 0;
        parts[count++] = (struct vq_part){
            range->region, false, (uint32_t)((uint64_t)(uintptr_t)piece->payload - range->start),
            piece->len};
    }
    return count;
}

static bool
send_by_reference(struct stack *stack, struct pbuf *frame)
{
    struct vq_part parts[VQ_PARTS_MAX];
    uint32_t count = parts_of(stack, frame, parts);
    if (count == 0 || !vq_add(&stack->nic.tx, parts, count, (uint64_t)(uintptr_t)frame))
        return false;
    pbuf_ref(frame); /* until it was sent: lwIP then does not send it again meanwhile */
    return true;
}

static bool
send_copy(struct stack *stack, struct pbuf *frame)
{
    if (stack->spare_free == 0 || frame->tot_len > NIC_BUFFER_BYTES)
        return false;
    uint32_t spare = (uint32_t)__builtin_ctz(stack->spare_free);
    char *to = (char *)stack->spare.at + spare * NIC_BUFFER_BYTES;
    (void)pbuf_copy_partial(frame, to, frame->tot_len, 0);
    struct vq_part parts[1];
    const struct stack_range *range = range_of(stack, to, frame->tot_len);
    parts[0] = (struct vq_part){range->region, false, spare * NIC_BUFFER_BYTES, frame->tot_len};
    if (!vq_add(&stack->nic.tx, parts, 1, COOKIE_SPARE | spare))
        return false;
    stack->spare_free &= ~(1u << spare);
    stack->counts.copied[STACK_COPY_SEND] += frame->tot_len;
    return true;
}

/*
 * Of TCP, lwIP leaves the checksum to the device when that does it. Of anything else it makes it
 * itself: datagrams are few, and may leave in fragments.
 */
static void
prepare(struct stack *stack, struct pbuf *frame, struct wire_header *header)
{
    struct wire_segment segment;
    *header = (struct wire_header){0};
    if (stack->nic.features & NIC_CHECKSUM &&
        wire_find_segment(frame->payload, frame->len, &segment) &&
        segment.protocol == IP_PROTO_TCP) {
        wire_offload(frame->payload, &segment, header);
        stack->counts.offloaded_out++;
    }
}

err_t
frames_send(struct netif *netif, struct pbuf *frame)
{
    struct stack *stack = netif->state;
    struct wire_header header;
    u16_t bytes = frame->tot_len, room = (u16_t)(NIC_HEADER_BYTES - stack->nic.skip);
    prepare(stack, frame, &header);
    if (pbuf_add_header(frame, room) != 0)
        return ERR_BUF;
    memcpy(frame->payload, &header, room); /* the kernel has the header of a port */
    bool sent = send_by_reference(stack, frame) || send_copy(stack, frame);
    (void)pbuf_remove_header(frame, room);
    stack->counts.frames_out += sent;
    stack->counts.bytes_out += sent ? bytes : 0;
    stack->counts.dropped_out += !sent;
    if (STACK_SENDS_AT_ONCE && !stack->polling)
        (void)vq_flush(&stack->nic.tx, false);
    return sent ? ERR_OK : ERR_MEM;
}

void
frames_take_sent(struct stack *stack)
{
    struct vq_done done;
    while (vq_poll(&stack->nic.tx, &done))
        if (done.cookie & COOKIE_SPARE)
            stack->spare_free |= 1u << (uint32_t)done.cookie;
        else
            pbuf_free((struct pbuf *)(uintptr_t)done.cookie);
}
