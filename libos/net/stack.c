/* lwIP on a NIC: frames in as custom pbufs over the device's buffers, frames out as scatter lists.
 */
#include <net/stack.h>
#include <entropy/entropy.h>
#include <rt/console.h>
#include <rt/start.h>
#include <rt/string.h>
#include <rt/sync.h>
#include <rt/time.h>
#include <rt/upcall.h>

#include <lwip/dhcp.h>
#include <lwip/etharp.h>
#include <lwip/ethip6.h>
#include <lwip/init.h>
#include <lwip/sys.h>
#include <lwip/timeouts.h>
#include <netif/ethernet.h>

#define HEAP_PAGES     ((MEM_SIZE + 2 * EXO_PAGE_BYTES) / EXO_PAGE_BYTES)
#define SPARE_FRAMES   16u
#define SPARE_PAGES    (SPARE_FRAMES * NIC_BUFFER_BYTES / EXO_PAGE_BYTES)
#define OOSEQ_HELD_MAX 32  /* frames behind a hole are kept only while few buffers are held */
#define POLL_FRAMES    64u /* received in one stack_poll: timers and the application come round */
#define BUFFERS_MAX    256u
#define COOKIE_SPARE   (1ull << 63) /* of a frame that was copied: the number of its spare buffer */

/* A received frame: the pbuf that stands for it while anybody in the stack or above wants it. */
struct received {
    struct pbuf_custom pbuf;
    uint32_t buffer;
};

void *stack_heap;
static struct stack *stack_of_nic; /* pbuf_custom's callback gets nothing else */
static struct received received[BUFFERS_MAX];

/* --- What lwIP asks for -------------------------------------------------------------------------
 */

void
stack_failed(const char *what)
{
    rt_printf("lwip: %s\n", what);
    rt_exit(RT_EXIT_FAULT);
}

u32_t
sys_now(void)
{
    return (u32_t)(rt_ticks_to_ns(rt_ticks()) / RT_MS_NS);
}

uint16_t
stack_ooseq_max(void)
{
    return stack_of_nic->held < OOSEQ_HELD_MAX ? OOSEQ_HELD_MAX : 0;
}

uint32_t
stack_random(void)
{
    uint32_t number;
    entropy_read(&number, sizeof(number));
    return number;
}

/* --- In -----------------------------------------------------------------------------------------
 */

static void
free_received(struct pbuf *pbuf)
{
    struct received *frame = (struct received *)(void *)pbuf;
    stack_of_nic->held--;
    (void)nic_receive_into(&stack_of_nic->nic, frame->buffer);
}

static void
take_frame(struct stack *stack, const struct nic_frame *frame)
{
    struct received *slot = &received[frame->buffer];
    slot->buffer = frame->buffer;
    slot->pbuf.custom_free_function = free_received;
    struct pbuf *pbuf = pbuf_alloced_custom(PBUF_RAW, (u16_t)frame->bytes, PBUF_REF, &slot->pbuf,
                                            nic_bytes(&stack->nic, frame->buffer), NIC_FRAME_MAX);
    stack->held++;
    stack->counts.frames_in++;
    stack->counts.bytes_in += frame->bytes;
    stack->counts.copied[STACK_COPY_PORT] += stack->nic.skip != 0 ? frame->bytes : 0;
    if (stack->netif.input(pbuf, &stack->netif) != ERR_OK) {
        stack->counts.dropped_in++;
        pbuf_free(pbuf);
    }
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
 * lwIP's linkoutput: the frame begins with room for the virtio header, which says "no offload"; for
 * ports it is the kernel's.
 */
static err_t
send_frame(struct netif *netif, struct pbuf *frame)
{
    struct stack *stack = netif->state;
    u16_t bytes = frame->tot_len, header = (u16_t)(NIC_HEADER_BYTES - stack->nic.skip);
    if (pbuf_add_header(frame, header) != 0)
        return ERR_BUF;
    memset(frame->payload, 0, header);
    bool sent = send_by_reference(stack, frame) || send_copy(stack, frame);
    (void)pbuf_remove_header(frame, header);
    stack->counts.frames_out += sent;
    stack->counts.bytes_out += sent ? bytes : 0;
    stack->counts.dropped_out += !sent;
    return sent ? ERR_OK : ERR_MEM;
}

static void
take_sent(struct stack *stack)
{
    struct vq_done done;
    while (vq_poll(&stack->nic.tx, &done))
        if (done.cookie & COOKIE_SPARE)
            stack->spare_free |= 1u << (uint32_t)done.cookie;
        else
            pbuf_free((struct pbuf *)(uintptr_t)done.cookie);
}

/* --- Bringing it up -----------------------------------------------------------------------------
 */

static err_t
init_netif(struct netif *netif)
{
    struct stack *stack = netif->state;
    netif->name[0] = 'e';
    netif->name[1] = 'n';
    netif->output = etharp_output;
    netif->output_ip6 = ethip6_output;
    netif->linkoutput = send_frame;
    netif->mtu = 1500;
    netif->hwaddr_len = ETH_HWADDR_LEN;
    memcpy(netif->hwaddr, stack->nic.mac, ETH_HWADDR_LEN);
    netif->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET |
                   NETIF_FLAG_LINK_UP | NETIF_FLAG_MLD6;
    return ERR_OK;
}

int64_t
stack_add_range(struct stack *stack, void *at, uint32_t frames, uint32_t first, uint32_t pages)
{
    if (stack->range_count == STACK_RANGES_MAX)
        return EXO_E_LIMIT;
    int64_t region = vq_region(&stack->nic.tx, frames, first, pages, EXO_READ);
    if (region < 0)
        return region;
    uint64_t start = (uint64_t)(uintptr_t)at;
    stack->range[stack->range_count++] =
        (struct stack_range){start, start + (uint64_t)pages * EXO_PAGE_BYTES, (uint16_t)region};
    return EXO_OK;
}

static int64_t
add_memory(struct stack *stack, struct rt_memory *memory, uint32_t pages)
{
    int64_t err = rt_memory_take(pages, EXO_PROT_READ | EXO_PROT_WRITE, memory);
    return err == EXO_OK ? stack_add_range(stack, memory->at, memory->slot, 0, pages) : err;
}

static int64_t
add_ranges(struct stack *stack)
{
    const struct rt_memory *buffers = &stack->nic.memory;
    uint64_t start = (uint64_t)(uintptr_t)buffers->at;
    stack->range[stack->range_count++] = (struct stack_range){
        start, start + (uint64_t)buffers->pages * EXO_PAGE_BYTES, stack->nic.tx_region};
    int64_t err = add_memory(stack, &stack->heap, HEAP_PAGES);
    if (err == EXO_OK)
        err = add_memory(stack, &stack->spare, SPARE_PAGES);
    stack->spare_free = (1u << SPARE_FRAMES) - 1;
    stack_heap = stack->heap.at;
    return err;
}

static void
configure(struct stack *stack, const struct stack_address *address, const char *hostname)
{
    struct netif *netif = &stack->netif;
    ip4_addr_t ip, mask, gateway;
    IP4_ADDR(&ip, address->ip[0], address->ip[1], address->ip[2], address->ip[3]);
    IP4_ADDR(&mask, address->mask[0], address->mask[1], address->mask[2], address->mask[3]);
    IP4_ADDR(&gateway, address->gateway[0], address->gateway[1], address->gateway[2],
             address->gateway[3]);
    if (address->dhcp)
        (void)netif_add_noaddr(netif, stack, init_netif, ethernet_input);
    else
        (void)netif_add(netif, &ip, &mask, &gateway, stack, init_netif, ethernet_input);
    netif_set_hostname(netif, hostname);
    netif_set_default(netif);
    netif_create_ip6_linklocal_address(netif, 1);
    netif_set_ip6_autoconfig_enabled(netif, 1);
    netif_set_up(netif);
    if (address->dhcp)
        (void)dhcp_start(netif);
}

int64_t
stack_open(struct stack *stack, const struct nic_source *source,
           const struct stack_address *address, const char *hostname)
{
    *stack = (struct stack){0};
    stack_of_nic = stack;
    if (source->buffers > BUFFERS_MAX)
        return EXO_E_RANGE;
    int64_t err = nic_open(&stack->nic, source);
    if (err == EXO_OK)
        err = add_ranges(stack);
    if (err != EXO_OK)
        return err;
    lwip_init();
    configure(stack, address, hostname);
    return nic_flush(&stack->nic, false);
}

bool
stack_is_up(const struct stack *stack)
{
    return !ip4_addr_isany_val(*netif_ip4_addr(&stack->netif));
}

/* --- The loop ------------------------------------------------------------------------------------
 */

uint32_t
stack_poll(struct stack *stack)
{
    struct nic_frame frame;
    uint32_t count = 0;
    if (stack->nic.skip != 0) /* what a port has to show, it shows when it is asked */
        (void)vq_flush(&stack->nic.rx, true);
    take_sent(stack);
    while (count < POLL_FRAMES && nic_receive(&stack->nic, &frame)) {
        take_frame(stack, &frame);
        count++;
    }
    sys_check_timeouts();
    (void)nic_flush(&stack->nic, false);
    return count;
}

void
stack_wait(struct stack *stack, uint64_t also, uint64_t deadline_ticks)
{
    if (nic_flush(&stack->nic, true) != EXO_OK)
        return;
    uint32_t sleep_ms = sys_timeouts_sleeptime();
    uint64_t timer = rt_deadline_ns(sleep_ms * RT_MS_NS);
    if (sleep_ms != SYS_TIMEOUTS_SLEEPTIME_INFINITE && timer < deadline_ticks)
        deadline_ticks = timer;
    (void)rt_wait_events(stack->nic.event | also, deadline_ticks);
}
