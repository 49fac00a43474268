#include "succession.h"

#include <stdatomic.h>

static void
seek(struct succession *succession)
{
    atomic_store(&succession->state, SUCCESSION_SOUGHT);
    succession->program->seek();
}

static void
go_on(struct succession *succession, bool is_short, uint64_t now_us)
{
    succession->program->close(is_short);
    succession->shortages = is_short ? succession->shortages + 1 : 0;
    if (succession->shortages > SUCCESSION_TRIES) {
        atomic_store(&succession->state, SUCCESSION_NONE);
        succession->program->give_up();
    } else if (succession->shortages > 1) {
        succession->again_us = now_us + SUCCESSION_PAUSE_US;
        atomic_store(&succession->state, SUCCESSION_PAUSES);
    } else {
        seek(succession);
    }
}

void
succession_found(struct succession *succession, enum succession_state state)
{
    atomic_store(&succession->state, (uint32_t)state);
}

void
succession_turn(struct succession *succession, bool lost, bool is_short, uint64_t now_us)
{
    switch ((enum succession_state)atomic_load(&succession->state)) {
    case SUCCESSION_SERVED:
        if (lost)
            go_on(succession, is_short, now_us);
        break;
    case SUCCESSION_FOUND:
        atomic_store(&succession->state, SUCCESSION_SERVED);
        if (succession->program->use())
            succession->shortages = 0;
        else
            go_on(succession, true, now_us);
        break;
    case SUCCESSION_SHORT: go_on(succession, true, now_us); break;
    case SUCCESSION_PAUSES:
        if (now_us >= succession->again_us)
            seek(succession);
        break;
    case SUCCESSION_SOUGHT:
    case SUCCESSION_NONE: break;
    }
}

bool
succession_waits(const struct succession *succession)
{
    uint32_t state = atomic_load(&succession->state);
    return state != SUCCESSION_SERVED && state != SUCCESSION_NONE;
}
