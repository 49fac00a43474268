/* What the files of the stack share. */
#ifndef NET_PRIVATE_H
#define NET_PRIVATE_H

#include <net/stack.h>

#define STACK_BUFFERS_MAX 256u /* of the NIC */
#define SPARE_FRAMES      16u  /* for frames that have to be copied */
#define OOSEQ_HELD_MAX    32u  /* frames behind a hole are kept only while few buffers are held */

/* --- frames.c --- */

/* The program's stack, to which buffers come back. */
void frames_of(struct stack *stack);

/* Hands lwIP at most so many received frames; how many there were. */
uint32_t frames_take(struct stack *stack, uint32_t most);

/* Gives the NIC the buffers that nobody has any more. */
void frames_give_back(struct stack *stack);

/* lwIP's linkoutput: the frame has room for struct wire_header in front. */
err_t frames_send(struct netif *netif, struct pbuf *frame);

/* What was sent is lwIP's again. */
void frames_take_sent(struct stack *stack);

/* --- address.c --- */

/* Gives the interface, which is new, its addresses, or begins to ask for some. */
void address_start(struct stack *stack, const struct stack_address *address);

/* After timers: falls back to the configured address when DHCP was asked often enough. */
void address_look_after(struct stack *stack);

/* The link may have changed. */
void address_look_at_link(struct stack *stack);

/* --- early.c --- */

/* Whether the frame was kept, since it may be for us once we have an address. */
bool early_keep(struct stack *stack, struct pbuf *pbuf);

/* Hands lwIP what was kept, once there is an address. */
void early_give(struct stack *stack);

#endif
