/* Discovery, match, grant, start, ready; and again when a program ends. */
#include <rt/time.h>
#include <stddef.h>
#include <supervise/supervise.h>

#define LOOK_AGAIN_NS 200000u

/* At the start of the page's shared part (rt/spawn.h). */
struct shared {
    _Atomic uint32_t ready;
    uint32_t reserved[3];
    char rest[];
};

void
supervise_ready(void)
{
    struct shared *shared = rt_shared();
    atomic_store_explicit(&shared->ready, 1, memory_order_release);
}

void *
supervise_shared(const struct supervised *program)
{
    struct shared *shared = program == NULL ? rt_shared() : rt_shared_of(&program->child);
    return shared->rest;
}

static void
start(struct supervised *program)
{
    struct rt_spawn spawn = program->rule->spawn;
    if (program->device != EXO_NONE)
        spawn.grant[0] = (struct rt_grant){.src = program->device,
                                           .dst = SUPERVISE_DEVICE,
                                           .rights = program->rule->device_rights};
    program->error = rt_spawn(&spawn, &program->child);
    program->state = program->error == EXO_OK ? SUPERVISE_STARTING : SUPERVISE_DOWN;
}

static void
add(struct supervisor *supervisor, const struct supervise_rule *rule, uint32_t device)
{
    if (supervisor->count < SUPERVISE_MAX) {
        struct supervised *program = &supervisor->program[supervisor->count++];
        *program = (struct supervised){.rule = rule, .device = device};
        start(program);
    }
}

static uint32_t
started_for(const struct supervisor *supervisor, const struct supervise_rule *rule)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < supervisor->count; i++)
        count += supervisor->program[i].rule == rule;
    return count;
}

static void
match(struct supervisor *supervisor, const struct supervise_rule *rules, uint32_t rule_count,
      uint32_t device)
{
    struct exo_device_info info;
    if (exo_device_info(device, &info) != EXO_OK)
        return;
    for (uint32_t i = 0; i < rule_count; i++) {
        const struct supervise_rule *rule = &rules[i];
        if (rule->device_type == info.type &&
            (rule->devices_max == 0 || started_for(supervisor, rule) < rule->devices_max)) {
            add(supervisor, rule, device);
            return;
        }
    }
}

void
supervise_start(struct supervisor *supervisor, const struct supervise_rule *rules,
                uint32_t rule_count, uint32_t first_device, uint32_t devices)
{
    supervisor->count = 0;
    for (uint32_t i = 0; i < rule_count; i++)
        if (rules[i].device_type == 0)
            add(supervisor, &rules[i], EXO_NONE);
    for (uint32_t i = 0; i < devices; i++)
        match(supervisor, rules, rule_count, first_device + i);
}

/* Whether it was started again. */
static bool
look(struct supervised *program)
{
    const struct shared *shared =
        program->child.page == NULL ? NULL : rt_shared_of(&program->child);
    if (program->state == SUPERVISE_DOWN)
        return false;
    if (atomic_load_explicit(&program->child.page->state, memory_order_acquire) == RT_CHILD_RUNS) {
        if (atomic_load_explicit(&shared->ready, memory_order_acquire) != 0)
            program->state = SUPERVISE_READY;
        return false;
    }
    rt_kill(&program->child);
    program->state = SUPERVISE_DOWN;
    if (program->restarts == program->rule->restarts_max)
        return false;
    program->restarts++;
    start(program);
    return true;
}

uint32_t
supervise_look(struct supervisor *supervisor)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < supervisor->count; i++)
        count += look(&supervisor->program[i]);
    return count;
}

bool
supervise_wait(struct supervisor *supervisor, uint64_t deadline_ticks)
{
    for (;;) {
        uint32_t ready = 0, down = 0;
        (void)supervise_look(supervisor);
        for (uint32_t i = 0; i < supervisor->count; i++) {
            ready += supervisor->program[i].state == SUPERVISE_READY;
            down += supervisor->program[i].state == SUPERVISE_DOWN;
        }
        if (ready + down == supervisor->count || rt_ticks() >= deadline_ticks)
            return ready == supervisor->count;
        rt_sleep_until(rt_deadline_ns(LOOK_AGAIN_NS));
    }
}

void
supervise_stop(struct supervisor *supervisor)
{
    for (uint32_t i = 0; i < supervisor->count; i++)
        if (supervisor->program[i].child.page != NULL)
            rt_kill(&supervisor->program[i].child);
    supervisor->count = 0;
}
