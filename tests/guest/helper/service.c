/*
 * A service for the tests of init. On its command line: as=NAME, what it calls itself; tell=1, it
 * says what it finds; act=WHAT, what it does then: an entry of the table below. It says nothing
 * that it was not asked for, and nothing once it is ready: the console has one writer at a time.
 */
#include "test.h"

#include <rt/module.h>
#include <rt/service.h>

#define STOPPED 7 /* exit code of one that was asked to stop */

static char name[32] = "service";

/* --- Its world ----------------------------------------------------------------------------------
 */

static void
tell_slots(void)
{
    struct exo_cap_info info;
    for (uint32_t slot = 0; slot < EXO_BOOT_SLOTS; slot++)
        if (exo_cap_info(slot, &info) == EXO_OK)
            rt_printf("%s: slot %u type %u rights %u\n", name, slot, info.type, info.rights);
}

static void
tell_world(void)
{
    struct exo_cell_info cell = {0};
    const uint8_t *seed = rt_boot->seed;
    (void)exo_cell_info(EXO_BOOT_CELL, &cell);
    rt_printf("%s: limits %u %u %u %u\n", name, cell.limit[EXO_RES_FRAMES],
              cell.limit[EXO_RES_CAPS], cell.limit[EXO_RES_ENVS], cell.limit[EXO_RES_CPU_SLOTS]);
    rt_printf("%s: cmdline %s\n", name, rt_boot->cmdline);
    rt_printf("%s: seed %02x%02x%02x%02x%02x%02x%02x%02x\n", name, seed[0], seed[1], seed[2],
              seed[3], seed[4], seed[5], seed[6], seed[7]);
    rt_printf("%s: CPU %u\n", name, rt_control()->cpu);
}

static int
tell_all(void)
{
    struct rt_module module;
    bool image = rt_module_at(0, &module);
    tell_slots();
    rt_printf("%s: the boot image %s be read\n", name, image ? "can" : "cannot");
    return 0;
}

/* All frames that it can get: as many as its limit, less what it is made of. */
static int
take_all_memory(void)
{
    uint32_t count = 0;
    int64_t err;
    while ((err = exo_frames_alloc(EXO_BOOT_CELL, rt_slot_take(), 1, EXO_ALLOC_ANY, 0).status) ==
           EXO_OK)
        count++;
    rt_printf("%s: took %u frames, then %s\n", name, count, exo_error_text(err));
    return 0;
}

/* --- Its ends -----------------------------------------------------------------------------------
 */

static volatile uint64_t nowhere = 8; /* an address that nothing is mapped at */

/* Not inlined, and each with something to do behind the call, so that each has a frame. */
__attribute__((noinline)) static int
inner_function(volatile uint32_t *at)
{
    *at = 1;
    return (int)*at;
}

__attribute__((noinline)) static int
middle_function(volatile uint32_t *at)
{
    return inner_function(at) + 1;
}

__attribute__((noinline)) static int
crash(void)
{
    return middle_function((volatile uint32_t *)(uintptr_t)nowhere) + 1;
}

static int
crash_inside(void)
{
    (void)rt_inside_enter();
    return crash() + 1;
}

static int
trap(void)
{
    __asm__ volatile("udf #7");
    return 0;
}

__attribute__((noinline)) static int
recurse(volatile uint32_t *depth)
{
    volatile uint32_t here = *depth + 1;
    return here == 0 ? 0 : recurse(&here) + (int)here;
}

static int
overflow(void)
{
    volatile uint32_t depth = 0;
    return recurse(&depth);
}

/* With a frame pointer that leads nowhere. */
static int
crash_without_frames(void)
{
    __asm__ volatile("mov x29, #0x7fff0000\n\tmov x0, xzr\n\tstr xzr, [x0]" ::: "x0", "memory");
    return 0;
}

static int
fail(void)
{
    return 3;
}

static int
refuse(void)
{
    return RT_EXIT_REFUSED;
}

static int
succeed(void)
{
    return 0;
}

/* --- Its work -----------------------------------------------------------------------------------
 */

static void
serve(void)
{
    while (!rt_stop_requested())
        (void)rt_wait_events(RT_EVENT_STOP, EXO_FOREVER);
}

static int
ignore(void)
{
    rt_ready();
    rt_sleep_until(EXO_FOREVER);
    return 0;
}

static int
say_nonsense(void)
{
    struct exo_message answer =
        exo_call(RT_SLOT_SUPERVISOR, 99, 1, 2, 3, EXO_NONE, EXO_NONE, EXO_FOREVER);
    rt_printf("%s: answered: %s\n", name, exo_error_text(answer.status));
    return 0;
}

static const struct {
    const char *act;
    int (*run)(void);
    bool ends;    /* behind it */
    bool unready; /* it never is */
} acts[] = {
    {"serve", succeed, false, false},
    {"tell", tell_all, false, false},
    {"take", take_all_memory, false, false},
    {"nonsense", say_nonsense, false, false},
    {"hang", succeed, false, true},
    {"ignore", ignore, true, true},
    {"fail", fail, true, false},
    {"refuse", refuse, true, false},
    {"succeed", succeed, true, false},
    {"crash", crash, true, false},
    {"inside", crash_inside, true, false},
    {"trap", trap, true, false},
    {"overflow", overflow, true, false},
    {"frames", crash_without_frames, true, false},
};

int
main(void)
{
    char act[16] = "";
    (void)rt_option("as", name, sizeof(name));
    (void)rt_option("act", act, sizeof(act));
    if (rt_option_number("tell", 0) != 0)
        tell_world();
    for (unsigned i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
        if (strcmp(acts[i].act, act) != 0)
            continue;
        if (acts[i].ends && !acts[i].unready)
            rt_ready();
        int code = acts[i].run();
        if (acts[i].ends)
            return code;
        if (!acts[i].unready)
            rt_ready();
        serve();
        return STOPPED;
    }
    return 100;
}
