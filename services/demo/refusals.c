/* What a program cannot do, tried. */
#include "demo.h"

static unsigned accepted, faulted;

/* The text of an error, without its name. */
static const char *
reason(int64_t status)
{
    const char *text = exo_error_text(status);
    while (*text != '\0' && *text != ' ')
        text++;
    return *text == ' ' ? text + 1 : "worked";
}

static void
expect_refusal(const char *what, int64_t status)
{
    rt_printf("   %-42s %s\n", what, reason(status));
    accepted += status == EXO_OK;
}

static void
skip_instruction(const struct rt_upcall *upcall, struct exo_context *context)
{
    (void)upcall;
    faulted++;
    context->pc += 4;
}

static void
expect_fault(const char *what, uint64_t va)
{
    unsigned before = faulted;
    uint64_t value = 0;
    __asm__ volatile("ldr %0, [%1]" : "+r"(value) : "r"(va) : "memory");
    rt_printf("   %-42s %s\n", what, faulted > before ? "a fault, told to the program" : "worked");
    accepted += faulted == before;
}

/* argument: a frame of its parent's. */
static int
try_everything(uint64_t pfn)
{
    uint32_t slot = rt_slot_take();
    const struct exo_map text = {0x60000000, EXO_BOOT_IMAGE, 0, 1, EXO_PROT_READ | EXO_PROT_WRITE};
    const struct exo_map data = {0x60000000, EXO_BOOT_DATA, 0, 1, EXO_PROT_READ | EXO_PROT_EXEC};
    expect_refusal("take a frame that its parent has",
                   exo_frames_alloc(EXO_BOOT_CELL, slot, 1, EXO_ALLOC_AT, pfn).status);
    expect_refusal("stretch its own capability to that frame",
                   exo_cap_copy(EXO_BOOT_DATA, EXO_SELF, slot, EXO_READ, pfn, 1));
    expect_refusal("map the shared program text writable",
                   exo_map(EXO_SELF, &text, 1, NULL).status);
    expect_refusal("map its data executable", exo_map(EXO_SELF, &data, 1, NULL).status);
    expect_refusal("turn the machine off", exo_machine_power(EXO_BOOT_MACHINE, EXO_POWER_OFF, 0));
    expect_refusal("use 4,000 frames more than its cell has",
                   exo_frames_alloc(EXO_BOOT_CELL, slot, 4000, EXO_ALLOC_ANY, 0).status);
    (void)rt_on(EXO_UPCALL_FAULT, skip_instruction);
    expect_fault("read where the kernel is", 0xffffff8000000000ull);
    expect_fault("read what its parent mapped", 0x10000000);
    return accepted == 0 ? 0 : 1;
}

void
show_refusals(void)
{
    struct rt_child child;
    struct rt_memory secret;
    demo_scene("What a program cannot do");
    if (rt_memory_take(1, EXO_PROT_READ | EXO_PROT_WRITE, &secret) != EXO_OK)
        return;
    const struct rt_spawn spawn = {
        .entry = try_everything, .argument = secret.pfn, .console = true};
    if (demo_start(&spawn, &child))
        (void)demo_finish(&child);
    rt_memory_put(&secret);
}
