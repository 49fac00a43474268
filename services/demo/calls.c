/* Protected calls: from this program to another, and back, on one CPU and between two. */
#include "demo.h"

#define CALLS 2000u

/* Answers each call with its number plus one; the last one asks it to leave. */
static int
serve(uint64_t endpoint)
{
    struct exo_message m = exo_receive((uint32_t)endpoint, EXO_NONE, EXO_FOREVER);
    while (m.status == EXO_OK && m.word[0] != UINT64_MAX) {
        m = exo_reply_receive((uint32_t)endpoint, m.word[0] + 1, 0, 0, 0, EXO_NONE, EXO_NONE,
                              EXO_FOREVER);
    }
    (void)exo_reply(0, 0, 0, 0, EXO_NONE);
    return m.status == EXO_OK ? 0 : 1;
}

static uint64_t
time_calls(uint32_t endpoint)
{
    uint64_t deadline = rt_deadline_ns(60 * RT_S_NS), begin = rt_ticks();
    for (uint64_t i = 0; i < CALLS; i++) {
        struct exo_message m = exo_call(endpoint, i, 0, 0, 0, EXO_NONE, EXO_NONE, deadline);
        if (m.status != EXO_OK || m.word[0] != i + 1) {
            rt_printf("   call %llu: %s\n", (unsigned long long)i, exo_error_text(m.status));
            return 0;
        }
    }
    return rt_ticks_to_ns(rt_ticks() - begin) / CALLS;
}

static void
call_program_on(uint32_t cpu, uint32_t endpoint)
{
    struct rt_child child;
    struct rt_spawn spawn = {.entry = serve, .argument = RT_SLOT_GRANT, .cpu = cpu};
    spawn.grant[0] = (struct rt_grant){.src = endpoint, .dst = RT_SLOT_GRANT, .rights = EXO_READ};
    if (!demo_start(&spawn, &child))
        return;
    uint64_t ns = time_calls(endpoint);
    (void)exo_call(endpoint, UINT64_MAX, 0, 0, 0, EXO_NONE, EXO_NONE, rt_deadline_ns(RT_S_NS));
    rt_printf("   to a program on CPU %u  %6llu ns for a call and its answer\n", cpu,
              (unsigned long long)ns);
    (void)demo_finish(&child);
}

static uint64_t
time_null_calls(void)
{
    uint64_t begin = rt_ticks();
    for (unsigned i = 0; i < CALLS; i++)
        (void)exo_null();
    return rt_ticks_to_ns(rt_ticks() - begin) / CALLS;
}

void
show_calls(void)
{
    uint32_t endpoint = rt_slot_take();
    demo_scene("Protected calls");
    if (exo_endpoint_create(EXO_BOOT_CELL, endpoint) != EXO_OK)
        return;
    rt_printf("   an empty system call    %6llu ns\n", (unsigned long long)time_null_calls());
    call_program_on(0, endpoint);
    if (rt_machine.cpus > 1)
        call_program_on(1, endpoint);
    (void)rt_drop(endpoint);
    rt_slot_put(endpoint);
    rt_printf(
        "\n   On one CPU a call is a switch from program to program: no queue, no scheduler,\n"
        "   the words stay in registers, and the callee runs on the caller's time. (Under\n"
        "   emulation these are times of the emulator.)\n");
}
