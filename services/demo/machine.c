/* What the machine is, and two programs on it. */
#include "demo.h"

struct feature {
    uint32_t bit;
    const char *name;
};

static const struct feature features[] = {
    {EXO_FEATURE_DEBUG, "debug kernel"},
    {EXO_FEATURE_EL2, "started at EL2"},
    {EXO_FEATURE_PAN, "PAN"},
    {EXO_FEATURE_BTI, "BTI"},
    {EXO_FEATURE_PAC, "pointer authentication"},
    {EXO_FEATURE_SVE, "SVE"},
    {EXO_FEATURE_RNG, "random numbers"},
    {EXO_FEATURE_SHA256, "SHA-256"},
    {EXO_FEATURE_DOTPROD, "dot products"},
    {EXO_FEATURE_I8MM, "products of bytes"},
};

static uint64_t
mebibytes(uint64_t frames)
{
    return frames * EXO_PAGE_BYTES >> 20;
}

void
show_machine(void)
{
    uint64_t up = rt_ticks_to_ns(rt_ticks() - rt_machine.boot_ticks);
    demo_scene("The machine");
    rt_printf("   CPUs        %u\n", rt_machine.cpus);
    rt_printf("   memory      %llu MiB, of which %llu MiB are free\n",
              (unsigned long long)mebibytes(rt_machine.frames),
              (unsigned long long)mebibytes(rt_machine.frames_free));
    rt_printf("   the kernel  %llu KiB of code and data, %llu KiB in all\n",
              (unsigned long long)(rt_machine.image_bytes >> 10),
              (unsigned long long)rt_machine.kernel_frames * EXO_PAGE_BYTES >> 10);
    rt_printf("   counter     %llu Hz; this line is printed %llu ms after the first instruction\n",
              (unsigned long long)rt_machine.counter_hz, (unsigned long long)(up / RT_MS_NS));
    rt_printf("   features   ");
    for (unsigned i = 0; i < sizeof(features) / sizeof(features[0]); i++)
        if (rt_machine.features & features[i].bit)
            rt_printf(" %s;", features[i].name);
    rt_printf("\n\n   The program that you read drives the serial line itself: the kernel gave it\n"
              "   the device's registers, and prints nothing.\n");
}

static int
introduce(uint64_t name)
{
    struct exo_cell_info cell;
    (void)exo_cell_info(EXO_BOOT_CELL, &cell);
    rt_printf("   program %c runs on CPU %u; its cell may use %u frames and uses %u\n", (int)name,
              rt_control()->cpu, cell.limit[EXO_RES_FRAMES], cell.own[EXO_RES_FRAMES]);
    return 0;
}

void
show_programs(void)
{
    demo_scene("Two programs, each in a cell of its own");
    for (uint32_t i = 0; i < 2; i++) {
        struct rt_child child;
        const struct rt_spawn spawn = {.entry = introduce,
                                       .argument = 'A' + i,
                                       .cpu = i * demo_other_cpu(),
                                       .limit = {200 + 100 * i},
                                       .console = true};
        if (demo_start(&spawn, &child))
            (void)demo_finish(&child);
    }
    rt_printf("\n   A cell is an account: page tables, stacks, even the kernel's own notes about\n"
              "   a program are paid from it, so that no program can use up another's memory.\n");
}
