/*
 * The end, legibly: why, registers, where, what came before. Works at any time: before there is a
 * console it is silent, and a panic inside of it only says so.
 */
#include "arch/machine.h"
#include "arch/offsets.h"
#include "arch/sysreg.h"

#include <stdarg.h>

#define EXIT_CODE          101 /* of a test run that ends here */
#define DEPTH              24
#define STACK_STEP         16384
#define TRACE_EVENTS_SHOWN 8u

/* build/tools/mksyms makes them, sorted by address: offsets from _exo_start and into the text. */
extern const uint32_t exo_symbol_count, exo_symbol_addr[], exo_symbol_name[];
extern const char exo_symbol_text[], _exo_start[], _rodata_start[];

/* As panic_entry (vectors.S) stores it. */
struct panic_frame {
    struct exo_context context;
    uint64_t esr, far;
};
_Static_assert(offsetof(struct panic_frame, esr) == FRAME_ESR, "offsets.h");
_Static_assert(sizeof(struct panic_frame) == FRAME_BYTES, "offsets.h");

_Noreturn void panic_exception(const struct panic_frame *frame, uint32_t vector);

static _Atomic(struct cpu *) panicking;

/* Only one CPU panics. The second time it is the panic itself that failed. */
static void
begin(void)
{
    struct cpu *nobody = NULL;
    if (atomic_compare_exchange_strong(&panicking, &nobody, this_cpu())) {
        stop_for_panic();
        console_printf("\nexo: panic: ");
        return;
    }
    if (nobody != this_cpu())
        for (;;)
            arch_idle();
    console_printf("\nexo: a second exception while panicking\n");
    arch_power(EXO_POWER_OFF, EXIT_CODE);
}

static void
print_address(uint64_t address)
{
    uint64_t offset = address - (uintptr_t)_exo_start;
    uint32_t symbol = exo_symbol_count;
    while (symbol > 0 && exo_symbol_addr[symbol - 1] > offset)
        symbol--;
    console_printf("  %p", (void *)address);
    if (symbol > 0 && offset < (uint64_t)(_rodata_start - _exo_start))
        console_printf(" %s+0x%lx", &exo_symbol_text[exo_symbol_name[symbol - 1]],
                       offset - exo_symbol_addr[symbol - 1]);
    console_printf("\n");
}

/* Asks the MMU, since a wild frame pointer must not end the panic (Arm ARM C5.4.1: AT). */
static bool
is_readable(uint64_t address)
{
    __asm__ volatile("at s1e1r, %0\n isb" ::"r"(address) : "memory");
    return (address >> 63) != 0 && (address & 7) == 0 && (read_sysreg(par_el1) & 1) == 0;
}

/* Frame records, {caller's record, return address}, end where EL0's frame pointer was kept. */
static void
print_backtrace(uint64_t record)
{
    for (int i = 0; i < DEPTH && is_readable(record) && is_readable(record + 8); i++) {
        const uint64_t *words = (const uint64_t *)record;
        print_address(words[1] - 4); /* of the call, which may be a function's last word */
        if (words[0] <= record || words[0] - record > STACK_STEP)
            break;
        record = words[0];
    }
}

static void
print_registers(const struct panic_frame *frame)
{
    const struct exo_context *context = &frame->context;
    for (unsigned i = 0; i < 31; i++)
        console_printf("  x%u%s %p%s", i, i < 10 ? " " : "", (void *)context->x[i],
                       i % 4 == 3 || i == 30 ? "\n" : "");
    console_printf("  sp  %p  pc %p  pstate %lx\n", (void *)context->sp, (void *)context->pc,
                   context->pstate);
}

static void
print_trace(void)
{
    static const char *const kinds[EXO_TRACE_KINDS] = {
        "call", "end", "upcall", "switch", "irq", "map", "fault", "protected", "revoke"};
    for (uint32_t n = 0; n < cpu_count; n++) {
        const struct trace_ring *ring = cpus[n].trace;
        uint64_t written = ring == NULL ? 0 : ring->written;
        for (uint64_t i = written - min_u64(written, TRACE_EVENTS_SHOWN); i < written; i++) {
            const struct exo_trace_event *event = &ring->events[i % TRACE_EVENTS];
            console_printf("  cpu %u %lu env %u %s %lx %lx\n", n, event->ticks, event->env,
                           event->kind < EXO_TRACE_KINDS ? kinds[event->kind] : "?", event->a,
                           event->b);
        }
    }
}

static _Noreturn void
end(uint64_t record)
{
    const struct vcpu *current = this_cpu()->current;
    console_printf("  CPU %u, environment %u\n", this_cpu()->number,
                   current == NULL ? 0 : current->env->number);
    print_backtrace(record);
    print_trace();
    arch_power(EXO_POWER_OFF, EXIT_CODE);
    __builtin_unreachable();
}

void
panic(const char *format, ...)
{
    va_list arguments;
    begin();
    va_start(arguments, format);
    console_vprintf(format, arguments);
    va_end(arguments);
    console_printf("\n");
    end((uintptr_t)__builtin_frame_address(0));
}

static const char *
describe(uint64_t esr)
{
    switch (esr >> ESR_EC_SHIFT & 0x3f) {
    case 0x00: return "undefined instruction";
    case 0x0d: return "branch target exception";
    case 0x0e: return "illegal execution state";
    case EC_FETCH_SAME: return "instruction abort";
    case EC_DATA_SAME: return (esr & ESR_WNR) != 0 ? "data abort, writing" : "data abort, reading";
    case 0x22:
    case 0x26: return "misaligned pc or sp";
    case 0x2f: return "system error";
    default: return "exception";
    }
}

/*
 * Vectors in groups of four (synchronous, IRQ, FIQ, SError): EL1 on SP_EL0, EL1, EL0, EL0 in
 * AArch32. A system error from EL0 is a program that was given device registers, and the device
 * refused: who has those is trusted, and the error cannot be blamed on anyone for sure.
 */
void
panic_exception(const struct panic_frame *frame, uint32_t vector)
{
    static const char *const from[] = {"EL1 (SP_EL0)", "EL1", "EL0", "AArch32 EL0"};
    static const char *const kind[] = {"", "interrupt: ", "fast interrupt: ", "system error: "};
    begin();
    console_printf("%s%s at %s, esr %lx far %lx\n", kind[vector % 4], describe(frame->esr),
                   from[vector / 4 % 4], frame->esr, frame->far);
    print_registers(frame);
    print_address(frame->context.pc);
    print_address(frame->context.x[30] - 4);
    end(frame->context.x[29]);
}
