/* A service and its supervisor. */
#include "private.h"

#include <rt/service.h>

int64_t
rt_tell_supervisor(uint64_t what, uint64_t a, uint64_t b, uint64_t c)
{
    return exo_call(RT_SLOT_SUPERVISOR, what, a, b, c, EXO_NONE, EXO_NONE, EXO_FOREVER).status;
}

void
rt_ready(void)
{
    if (rt_service != NULL)
        (void)rt_tell_supervisor(RT_SERVICE_READY, 0, 0, 0);
}

bool
rt_stop_requested(void)
{
    return rt_service != NULL && atomic_load_explicit(&rt_service->stop, memory_order_acquire) != 0;
}
