/* Doubles of what the rest of the portable kernel asks of the machine (arch.h). */
#include "fake_kernel.h"

#include <exo/bootimage.h>

#include "arch/arch.h"
#include "core/frame.h"
#include "core/irq.h"
#include "core/sched.h"
#include "core/trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

unsigned char fake_user[FAKE_USER_BYTES];
uint64_t fake_ticks;
struct vcpu *fake_init;
struct boot_machine boot_machine;
struct fake_line fake_lines[FAKE_LINES];

/* --- Doubles ---------------------------------------------------------------------------------- */

void
console_printf(const char *format, ...)
{
    (void)format;
}

uint64_t
arch_ticks(void)
{
    return fake_ticks;
}

uint64_t
arch_ticks_hz(void)
{
    return 1000000;
}

void
arch_timer_set(uint64_t ticks)
{
    this_cpu()->timer_ticks = ticks;
}

void
arch_poke(uint32_t cpu)
{
    (void)cpu;
}

/* Nothing runs: time goes on to the next deadline, or the test is stuck. */
void
arch_idle(void)
{
    if (this_cpu()->timer_ticks == EXO_FOREVER)
        panic("CPU %u idles for ever", fake_cpu);
    fake_ticks = this_cpu()->timer_ticks > fake_ticks ? this_cpu()->timer_ticks : fake_ticks;
}

bool
arch_take_interrupts(void)
{
    this_cpu()->timer_ticks = EXO_FOREVER;
    return true;
}

uint32_t
arch_irq_spis(void)
{
    return 32;
}

bool
arch_irq_exists(uint32_t line)
{
    return (line >= IRQ_SPI_FIRST && line < IRQ_SPI_FIRST + 32) ||
           (line >= LPI_FIRST && line < LPI_END);
}

void
arch_irq_configure(uint32_t line, bool level)
{
    fake_lines[line].masked = true;
    fake_lines[line].level = level;
    fake_lines[line].accesses++;
}

void
arch_irq_route(uint32_t line, uint32_t cpu)
{
    fake_lines[line].cpu = cpu;
    fake_lines[line].accesses++;
}

void
arch_irq_mask(uint32_t line, bool masked)
{
    fake_lines[line].masked = masked;
    fake_lines[line].accesses++;
}

void
arch_power(enum exo_power what, uint32_t code)
{
    panic("power %d, code %u", (int)what, code);
}

static unsigned char *
user_at(va_t va, size_t bytes)
{
    bool inside = va >= FAKE_USER && va - FAKE_USER <= FAKE_USER_BYTES &&
                  bytes <= FAKE_USER_BYTES - (va - FAKE_USER);
    return inside ? fake_user + (va - FAKE_USER) : NULL;
}

err_t
arch_copy_in(void *to, va_t from, size_t bytes)
{
    const unsigned char *at = user_at(from, bytes);
    if (at != NULL)
        memcpy(to, at, bytes);
    return at != NULL ? EXO_OK : EXO_E_FAULT;
}

err_t
arch_copy_out(va_t to, const void *from, size_t bytes)
{
    unsigned char *at = user_at(to, bytes);
    if (at != NULL)
        memcpy(at, from, bytes);
    return at != NULL ? EXO_OK : EXO_E_FAULT;
}

void
context_copy(struct exo_context *to, const struct exo_context *from)
{
    *to = *from;
}

void
arch_fp_forget(struct vcpu *vcpu)
{
    (void)vcpu;
}

uint32_t
arch_sve_bytes_max(void)
{
    return 256;
}

uint64_t
arch_random(void)
{
    return 4; /* chosen by a fair die */
}

/* --- Driving it ---------------------------------------------------------------------------------
 */

static void
make_boot_image(pfn_t pfn)
{
    struct boot_header *header = frame_to_kernel(pfn);
    memset(header, 0, 2 * PAGE_BYTES);
    memcpy(header->magic, BOOT_MAGIC, sizeof(header->magic));
    header->version = BOOT_VERSION;
    header->header_bytes = EXO_PAGE_BYTES;
    header->total_pages = 2;
    header->segment_count = 1;
    header->init_entry = 0x400000;
    struct boot_segment *segment = (struct boot_segment *)(void *)(header + 1);
    segment->va = 0x400000;
    segment->file_offset = PAGE_BYTES;
    segment->file_bytes = segment->mem_bytes = PAGE_BYTES;
    segment->prot = BOOT_READ | BOOT_EXEC;
}

void
fake_boot(uint64_t frames, uint32_t cpus_online)
{
    pfn_t image = FAKE_PFN + frames, at;
    uint64_t got;
    fake_machine(frames, cpus_online);
    fake_ticks = 1000;
    /* Two frames leave the pool and are RESERVED again: QEMU would have put the image there. */
    if (frame_take(2, EXO_ALLOC_CONTIGUOUS, 0, NULL, &at, &got) != EXO_OK)
        panic("no frames for a boot image");
    image = at;
    atomic_store(&frame_of(image)->use, 0);
    atomic_store(&frame_of(image + 1)->use, 0);
    memset(&boot_machine, 0, sizeof(boot_machine));
    boot_machine.initrd = (struct boot_range){image * PAGE_BYTES, 2 * PAGE_BYTES};
    boot_machine.device_tree = (struct boot_range){image * PAGE_BYTES, 64};
    make_boot_image(image);
    for (uint32_t i = 0; i < cpus_online; i++) {
        cpus[i].timer_ticks = EXO_FOREVER;
        cpus[i].epoch = EPOCH_OUTSIDE;
        sched_init(&cpus[i]);
    }
    memset(fake_lines, 0, sizeof(fake_lines));
    fake_cpu = 0;
    irq_start();
    genesis();
    (void)sched_choose(false);
    fake_init = this_cpu()->current;
}

int64_t
fake_call(enum exo_call call, const uint64_t *x, unsigned count)
{
    struct cpu *cpu = this_cpu();
    struct exo_context *context = &cpu->current->context;
    for (unsigned i = 0; i < count; i++)
        context->x[i] = x[i];
    context->x[8] = call;
    cpu->epoch = atomic_load(&global_epoch);
    (void)trap_call(context);
    cpu->epoch = EPOCH_OUTSIDE;
    return (int64_t)context->x[0];
}

int64_t
fake_call_again(enum exo_call call, const uint64_t *x, unsigned count)
{
    int64_t result = EXO_E_AGAIN;
    for (int i = 0; i < 100000 && result == EXO_E_AGAIN; i++)
        result = fake_call(call, x, count);
    return result;
}

uint64_t
fake_result(unsigned x)
{
    return this_cpu()->current->context.x[x];
}

struct exo_cell_info
fake_cell_info(uint32_t slot)
{
    struct exo_cell_info info;
    va_t at = FAKE_USER + FAKE_USER_BYTES - sizeof(info);
    if (CALL(cell_info, slot, at) != EXO_OK)
        panic("cell_info of slot %u", slot);
    memcpy(&info, user_at(at, sizeof(info)), sizeof(info));
    return info;
}

void
fake_put_limits(uint32_t frames, uint32_t caps, uint32_t envs, uint32_t slots)
{
    struct exo_limits limits = {
        .size = sizeof(limits), .version = EXO_ABI_VERSION, .limit = {frames, caps, envs, slots}};
    memcpy(fake_user, &limits, sizeof(limits));
}

void
fake_put_map(unsigned index, uint64_t va, uint32_t slot, uint32_t first, uint32_t pages,
             uint32_t prot)
{
    struct exo_map entry = {va, slot, first, pages, prot};
    memcpy(fake_user + index * sizeof(entry), &entry, sizeof(entry));
}
