/*
 * Segments that came before the interface had its address. They are for whoever will have it: who
 * forwards connections to us learns our hardware address from the first frame that we send, which
 * asks DHCP, and does not try again for seconds.
 */
#include "private.h"

#include <rt/string.h>

#define IPV4     0x0800u
#define TCP      6u
#define HEADERS  34u /* Ethernet and IPv4, without options */
#define TYPE_AT  12u
#define PROTOCOL 23u

bool
early_keep(struct stack *stack, struct pbuf *pbuf)
{
    const uint8_t *frame = pbuf->payload;
    if (stack_is_up(stack) || stack->early_count == STACK_EARLY_MAX || pbuf->len < HEADERS ||
        memcmp(frame, stack->nic.mac, sizeof(stack->nic.mac)) != 0 ||
        (frame[TYPE_AT] << 8 | frame[TYPE_AT + 1]) != IPV4 || frame[PROTOCOL] != TCP)
        return false;
    stack->early[stack->early_count++] =
        (struct stack_early){pbuf, (uint16_t)stack->netif.chksum_flags};
    return true;
}

void
early_give(struct stack *stack)
{
    if (stack->early_count == 0 || !stack_is_up(stack))
        return;
    for (uint32_t i = 0; i < stack->early_count; i++) {
        NETIF_SET_CHECKSUM_CTRL(&stack->netif, stack->early[i].checks);
        stack->counts.early_in++;
        if (stack->netif.input(stack->early[i].pbuf, &stack->netif) != ERR_OK)
            (void)pbuf_free(stack->early[i].pbuf);
    }
    stack->early_count = 0;
}
