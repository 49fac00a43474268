/* What happens to a service: it begins, is ready, ends, begins again, stops. */
#include "init.h"

#include <rt/service.h>
#include <rt/start.h>
#include <rt/time.h>
#include <string.h>

#define BACKOFF_MAX_MS 60000u

bool
service_runs(const struct service *service)
{
    return service->state == SERVICE_STARTING || service->state == SERVICE_READY ||
           service->state == SERVICE_STOPPING;
}

const char *
state_name(enum state state)
{
    static const char *const names[] = {
        [SERVICE_OFF] = "off",         [SERVICE_REFUSED] = "refused",
        [SERVICE_WAITING] = "waiting", [SERVICE_STARTING] = "starting",
        [SERVICE_READY] = "ready",     [SERVICE_STOPPING] = "stopping",
        [SERVICE_FAILED] = "failed",
    };
    return names[state];
}

/* --- The machine's end --------------------------------------------------------------------------
 */

static void
end_machine(int code)
{
    (void)exo_machine_power(EXO_BOOT_MACHINE, EXO_POWER_OFF, (uint32_t)code);
}

/* Those before it are ready, or are not to be started now. */
static bool
may_start(const struct service *service)
{
    for (size_t i = 0; i < service->manifest.after_count; i++) {
        const struct service *before = find_service(service->manifest.after[i]);
        if (before->state != SERVICE_READY && before->state != SERVICE_OFF)
            return false;
    }
    return true;
}

void
end_machine_if_down(int code)
{
    for (uint32_t i = 0; i < service_count; i++)
        if (service_runs(&services[i]) ||
            (services[i].state == SERVICE_WAITING && may_start(&services[i])))
            return;
    say("nothing runs any more: the machine ends with code %d", code);
    end_machine(code);
}

static bool
is_only_service(const struct service *service)
{
    char only[NAME_BYTES];
    return rt_option("init.only", only, sizeof(only)) && strcmp(only, service->name) == 0;
}

/* --- Beginnings ---------------------------------------------------------------------------------
 */

static void
start(struct service *service)
{
    const char *what;
    service->started_ticks = rt_ticks();
    int64_t err = start_service(service, &what);
    if (err == EXO_E_BUSY) { /* somebody revokes copies of what it needs one of: soon again */
        service->due_ticks = rt_deadline_ns(RT_MS_NS);
    } else if (err != EXO_OK) {
        say("%s: not started: %s: %s", service->name, what, exo_error_text(err));
        service->state = SERVICE_FAILED;
        end_machine_if_down(RT_EXIT_REFUSED);
    } else {
        service->state = SERVICE_STARTING;
        if (service->manifest.ready == READY_STARTED)
            service_is_ready(service);
    }
}

/* One that starts may be what another waits for. */
void
start_due(void)
{
    for (uint32_t i = 0; i < service_count; i++) {
        struct service *service = &services[i];
        if (service->state == SERVICE_WAITING && service->due_ticks <= rt_ticks() &&
            may_start(service)) {
            start(service);
            i = UINT32_MAX; /* from the first on again */
        }
    }
}

void
service_is_ready(struct service *service)
{
    if (service->state != SERVICE_STARTING)
        return;
    service->state = SERVICE_READY;
    service->ready_ticks = rt_ticks();
    uint64_t us = rt_ticks_to_ns(service->ready_ticks - service->started_ticks) / 1000;
    say("%s: ready, %u.%u ms after its start", service->name, (unsigned)(us / 1000),
        (unsigned)(us / 100 % 10));
}

/* --- Ends ---------------------------------------------------------------------------------------
 */

/* Whatever it does: nothing is left of it, nor charged to anybody. */
static void
take_back(struct service *service, enum state state)
{
    rt_kill(&service->child);
    service->state = state;
}

/* One that was ready for long enough begins to count anew. */
static void
count_restart(struct service *service, bool was_ready)
{
    uint64_t settled = (uint64_t)service->manifest.restart.settled_s * RT_S_NS;
    if (was_ready && rt_ticks_to_ns(rt_ticks() - service->ready_ticks) >= settled)
        service->restarts_in_a_row = 0;
    service->restarts_in_a_row++;
}

/* The first time at once, then after backoff_ms, twice that, ... */
static uint64_t
backoff_ms(const struct service *service)
{
    uint64_t ms = (uint64_t)service->manifest.restart.backoff_ms;
    if (service->restarts_in_a_row <= 1)
        return 0;
    for (uint32_t i = 2; i < service->restarts_in_a_row && ms < BACKOFF_MAX_MS; i++)
        ms *= 2;
    return ms < BACKOFF_MAX_MS ? ms : BACKOFF_MAX_MS;
}

/* False: no more. */
static bool
restart(struct service *service, bool was_ready)
{
    count_restart(service, was_ready);
    if (service->restarts_in_a_row > service->manifest.restart.most) {
        say("%s: stays down: it was started again %u time%s in a row", service->name,
            service->restarts_in_a_row - 1, plural(service->restarts_in_a_row - 1));
        service->state = SERVICE_FAILED;
        return false;
    }
    uint64_t ms = backoff_ms(service);
    service->restarts++;
    service->state = SERVICE_WAITING;
    service->due_ticks = rt_deadline_ns(ms * RT_MS_NS);
    say("%s: start %u of at most %u again, in %u ms", service->name, service->restarts_in_a_row,
        (unsigned)service->manifest.restart.most, (unsigned)ms);
    return true;
}

void
service_ended(struct service *service, int code, bool crashed)
{
    enum state before = service->state;
    int when = service->manifest.restart.when;
    bool again = when == RESTART_ALWAYS || (when == RESTART_ON_FAILURE && (crashed || code != 0));
    bool refused = !crashed && code == RT_EXIT_REFUSED;
    if (!crashed)
        say("%s: ended with code %d%s", service->name, code,
            refused ? ", and would again: it stays down" : "");
    take_back(service, refused ? SERVICE_FAILED : SERVICE_OFF);
    if (before == SERVICE_STOPPING)
        return;
    if (again && !refused && restart(service, before == SERVICE_READY))
        return;
    code = crashed || (again && code == 0) ? 1 : code;
    if (again || refused)
        end_machine_if_down(code);
    if (is_only_service(service))
        end_machine(code);
}

void
stop_service(struct service *service)
{
    if (!service_runs(service)) {
        service->state = service->state == SERVICE_WAITING ? SERVICE_OFF : service->state;
        return;
    }
    service->state = SERVICE_STOPPING;
    service->due_ticks = rt_deadline_ns((uint64_t)service->manifest.stop.within_s * RT_S_NS);
    atomic_store_explicit(&service->child.service->stop, 1, memory_order_release);
    (void)exo_notify(service->wake);
}

void
crash_service(struct service *service)
{
    struct exo_context context;
    if (rt_stop_env(service->child.env) != EXO_OK)
        return;
    if (exo_vcpu_get(service->child.vcpu, &context) == EXO_OK) {
        context.pc = 0;
        (void)exo_vcpu_set(service->child.vcpu, &context);
    }
    (void)exo_env_start(service->child.env);
    (void)exo_notify(service->wake); /* if it waits */
}

/* --- Time ---------------------------------------------------------------------------------------
 */

uint64_t
next_due(void)
{
    uint64_t next = EXO_FOREVER;
    for (uint32_t i = 0; i < service_count; i++) {
        const struct service *service = &services[i];
        bool timed = service->state == SERVICE_STOPPING ||
                     (service->state == SERVICE_WAITING && may_start(service));
        if (timed && service->due_ticks < next)
            next = service->due_ticks;
    }
    return next;
}

void
do_due(void)
{
    for (uint32_t i = 0; i < service_count; i++) {
        struct service *service = &services[i];
        if (service->state == SERVICE_STOPPING && service->due_ticks <= rt_ticks()) {
            say("%s: did not stop in %u s: ended", service->name,
                (unsigned)service->manifest.stop.within_s);
            take_back(service, SERVICE_OFF);
        }
    }
}
