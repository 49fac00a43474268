/*
 * Upcalls: the kernel enters this vCPU at rt's entry, on its upcall stack, with `inside` set; rt
 * calls the handler of that kind; when that returns, the interrupted context goes on, with the
 * changes that the handler made to it.
 *
 * FP and SIMD registers hold the interrupted thread's values and nobody saves them: rt, handlers
 * and what they call are compiled with -mgeneral-regs-only. Handlers MUST NOT fault, and MUST NOT
 * wait for something that only the interrupted code can do.
 *
 * At first RUN, EVENT and REVOKE do nothing (frames asked for are then taken by force), while FAULT
 * and TRAP print a report and end the program with RT_EXIT_FAULT.
 */
#ifndef RT_UPCALL_H
#define RT_UPCALL_H

#include <exo/abi.h>

#define RT_EXIT_FAULT         101
#define RT_UPCALL_KINDS       5
#define RT_UPCALL_STACK_BYTES 16384

struct rt_upcall {
    enum exo_upcall kind;
    /* FAULT: address, syndrome, enum exo_access. TRAP: pc, syndrome. EVENT: the bits, which rt has
     * taken out of the control page already. REVOKE: enum exo_resource, amount, deadline. */
    uint64_t a, b, c;
};

typedef void rt_handler(const struct rt_upcall *upcall, struct exo_context *context);

/* Sets this vCPU's handler and returns the one before. NULL: rt's own. */
rt_handler *rt_on(enum exo_upcall kind, rt_handler *handler);

/* The handler of all vCPUs that have none of their own; before the second vCPU is started. */
void rt_on_all(enum exo_upcall kind, rt_handler *handler);

/* Which event bits become EVENT upcalls of this vCPU; others wait for rt_wait_events. */
void rt_event_mask(uint64_t bits);

/* All handlers of this vCPU, its mask and its events as they were at the start. */
void rt_upcall_reset(void);

/* What rt's own FAULT and TRAP handlers do. */
_Noreturn void rt_report_and_exit(const struct rt_upcall *upcall,
                                  const struct exo_context *context);

#endif
