/*
 * One stub per system call, named exo_<call>, with the arguments in the order of EXO_CALLS
 * (exo/abi.h). Each returns the call's x0: EXO_OK or a negative enum exo_err. Calls with further
 * results return a small structure whose first member is that.
 *
 * What the kernel may cut into steps is repeated with exo_again(), or by the functions of
 * rt/again.h.
 */
#ifndef RT_CALL_H
#define RT_CALL_H

#include <rt/svc.h>

/* The result of a call, repeated for as long as it says EXO_E_AGAIN. */
#define exo_again(call)                   \
    __extension__({                       \
        int64_t status_;                  \
        do {                              \
            status_ = (call);             \
        } while (status_ == EXO_E_AGAIN); \
        status_;                          \
    })

RT_INLINE uint64_t
exo_address(const void *pointer)
{
    return (uint64_t)(uintptr_t)pointer;
}

RT_INLINE int64_t
exo_null(void)
{
    return exo_svc0(EXO_CALL_null);
}

/* Returns only when it fails. */
RT_INLINE int64_t
exo_resume(const struct exo_context *context)
{
    return exo_svc1(EXO_CALL_resume, exo_address(context));
}

/* EXO_OK: an event bit is set (or a revoke upcall was due); EXO_E_TIMEOUT. */
RT_INLINE int64_t
exo_wait(uint64_t deadline_ticks)
{
    return exo_svc1(EXO_CALL_wait, deadline_ticks);
}

RT_INLINE int64_t
exo_yield(void)
{
    return exo_svc0(EXO_CALL_yield);
}

/* The text of an error: "EXO_E_SLOT: the capability slot is empty or does not exist". */
const char *exo_error_text(int64_t status);

#include <rt/call_memory.h>
#include <rt/call_control.h>
#include <rt/call_devices.h>

#endif
