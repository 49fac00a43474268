/* What the stack has taken of its pools now. */
#include <net/stack.h>

#include <lwip/stats.h>

void
stack_read_usage(const struct stack *stack, struct stack_usage *usage)
{
    *usage = (struct stack_usage){
        .connections = lwip_stats.memp[MEMP_TCP_PCB]->used,
        .segments = lwip_stats.memp[MEMP_TCP_SEG]->used,
        .pbufs = (uint32_t)lwip_stats.memp[MEMP_PBUF]->used + lwip_stats.memp[MEMP_PBUF_POOL]->used,
        .heap_bytes = (uint32_t)lwip_stats.mem.used,
        .buffers_held = stack->held,
        .refused = lwip_stats.mem.err,
    };
    for (int i = 0; i < MEMP_MAX; i++)
        usage->refused += lwip_stats.memp[i]->err;
}
