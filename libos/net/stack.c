/* The stack as a whole: its memory, how it is brought up, and the loop. */
#include "private.h"

#include <entropy/entropy.h>
#include <rt/console.h>
#include <rt/start.h>
#include <rt/string.h>
#include <rt/sync.h>
#include <rt/time.h>
#include <rt/upcall.h>

#include <lwip/etharp.h>
#include <lwip/ethip6.h>
#include <lwip/init.h>
#include <lwip/sys.h>
#include <lwip/timeouts.h>
#include <netif/ethernet.h>

#define HEAP_PAGES  ((MEM_SIZE + 2 * EXO_PAGE_BYTES) / EXO_PAGE_BYTES)
#define SPARE_PAGES (SPARE_FRAMES * NIC_BUFFER_BYTES / EXO_PAGE_BYTES)
#define POLL_FRAMES 64u /* received in one stack_poll: timers and the application come round */

void *stack_heap;

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

uint32_t
stack_random(void)
{
    uint32_t number;
    entropy_read(&number, sizeof(number));
    return number;
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
    netif->linkoutput = frames_send;
    netif->mtu = 1500;
    netif->hwaddr_len = ETH_HWADDR_LEN;
    memcpy(netif->hwaddr, stack->nic.mac, ETH_HWADDR_LEN);
    netif->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET | NETIF_FLAG_MLD6;
    if (stack->nic.features & NIC_CHECKSUM)
        NETIF_SET_CHECKSUM_CTRL(netif, NETIF_CHECKSUM_ENABLE_ALL & ~NETIF_CHECKSUM_GEN_TCP);
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

int64_t
stack_open(struct stack *stack, const struct nic_source *source,
           const struct stack_address *address, const char *hostname)
{
    *stack = (struct stack){0};
    stack->link_event = source->link_event;
    frames_of(stack);
    if (source->buffers > STACK_BUFFERS_MAX)
        return EXO_E_RANGE;
    int64_t err = nic_open(&stack->nic, source);
    if (err == EXO_OK)
        err = add_ranges(stack);
    if (err != EXO_OK)
        return err;
    STACK_BEGIN();
    (void)netif_add_noaddr(&stack->netif, stack, init_netif, ethernet_input);
    netif_set_hostname(&stack->netif, hostname);
    address_start(stack, address);
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
    stack->polling = true;
    if (stack->nic.skip != 0) /* what a port has to show, it shows when it is asked */
        (void)vq_flush(&stack->nic.rx, true);
    frames_take_sent(stack);
    uint32_t count = frames_take(stack, POLL_FRAMES);
    if (count == 0 && stack->link_event != 0 && rt_take_events(stack->link_event) != 0)
        address_look_at_link(stack);
    sys_check_timeouts();
    address_look_after(stack);
    early_give(stack);
    frames_give_back(stack);
    (void)nic_flush(&stack->nic, false);
    stack->polling = false;
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
    uint64_t mask = stack->nic.event | stack->link_event | also;
    STACK_UNLOCK();
    uint64_t came = rt_wait_events(mask, deadline_ticks);
    STACK_LOCK();
    if (came & stack->link_event)
        address_look_at_link(stack);
}
