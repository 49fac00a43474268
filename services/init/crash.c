/* Why a service died: what it did, its registers, and who called whom, by name. */
#include "init.h"

#include <elf/elf.h>
#include <rt/console.h>

#define CALLERS_MAX 32u
#define ADDRESS(va) ((va) & (EXO_VA_END - 1)) /* return addresses are signed (Arm ARM D8.10) */

/* From a message of the service itself, or of the kernel. */
struct crash {
    uint32_t kind, vcpu;
    uint64_t access, address, syndrome, pc;
    struct exo_context context;
    bool has_context;
};

static bool
read_memory(const struct service *service, uint64_t va, void *to, uint64_t bytes)
{
    struct exo_progress step = exo_env_read(service->child.env, va, to, bytes);
    return step.status == EXO_OK && step.done == bytes;
}

/* The kernel's tells the pc; registers can be read of its first vCPU, which init made. */
static void
read_crash(const struct service *service, const struct exo_message *message, struct crash *crash)
{
    const uint64_t *word = message->word;
    bool own = (word[0] & 0xff) == RT_SERVICE_FAULT;
    *crash = (struct crash){
        .kind = own ? (uint32_t)(word[0] >> 8 & 0xff) : (uint32_t)(word[0] & 0xff),
        .vcpu = (uint32_t)(word[0] >> 32),
        .access = own ? word[0] >> 16 & 0xff : 0,
        .address = word[1],
        .syndrome = word[2],
        .pc = word[3],
    };
    if (own)
        crash->has_context = read_memory(service, word[3], &crash->context, sizeof(crash->context));
    else if (crash->vcpu == 0)
        crash->has_context = exo_vcpu_get(service->child.vcpu, &crash->context) == EXO_OK;
    if (crash->has_context)
        crash->pc = crash->context.pc;
}

/* "name+0x10", or nothing. */
static void
say_place(const struct service *service, const char *role, uint64_t address)
{
    struct elf_symbol symbol;
    if (elf_function_at(service->module.at, service->module.bytes, address, &symbol))
        say("%s:   %s %llx %s+0x%llx", service->name, role, (unsigned long long)address,
            symbol.name, (unsigned long long)symbol.offset);
    else
        say("%s:   %s %llx", service->name, role, (unsigned long long)address);
}

static bool
same_function(const struct service *service, uint64_t a, uint64_t b)
{
    struct elf_symbol one, other;
    return elf_function_at(service->module.at, service->module.bytes, a, &one) &&
           elf_function_at(service->module.at, service->module.bytes, b, &other) &&
           a - one.offset == b - other.offset;
}

/*
 * Frame records (AAPCS64 §6.4.6), each at a higher address than the one before, as far as they can
 * be read. The link register is a caller that has no record yet, if it leads elsewhere than the
 * record and the function itself.
 */
static void
say_callers(const struct service *service, const struct exo_context *context)
{
    uint64_t at = context->x[29], low = 0, record[2];
    uint64_t link = ADDRESS(context->x[30]);
    for (unsigned i = 0; i < CALLERS_MAX && at > low && at % 8 == 0; i++) {
        if (!read_memory(service, at, record, sizeof(record)))
            return;
        uint64_t caller = ADDRESS(record[1]);
        if (i == 0 && link != caller && !same_function(service, link, context->pc))
            say_place(service, "from", link);
        if (caller == 0)
            return;
        say_place(service, "from", caller);
        low = at;
        at = record[0];
    }
}

static void
say_registers(const struct service *service, const struct exo_context *context)
{
    for (unsigned i = 0; i < 30; i += 5)
        say("%s:   x%-2u %016llx %016llx %016llx %016llx %016llx", service->name, i,
            (unsigned long long)context->x[i], (unsigned long long)context->x[i + 1],
            (unsigned long long)context->x[i + 2], (unsigned long long)context->x[i + 3],
            (unsigned long long)context->x[i + 4]);
    say("%s:   x30 %016llx sp %llx", service->name, (unsigned long long)context->x[30],
        (unsigned long long)context->sp);
}

void
report_crash(const struct service *service, const struct exo_message *message)
{
    static const char *const accesses[] = {[EXO_ACCESS_READ] = ", reading",
                                           [EXO_ACCESS_WRITE] = ", writing",
                                           [EXO_ACCESS_EXEC] = ", executing"};
    struct crash crash;
    read_crash(service, message, &crash);
    bool known =
        crash.access < sizeof(accesses) / sizeof(accesses[0]) && accesses[crash.access] != NULL;
    say("%s: crashed: %s at address %llx%s, syndrome %llx, vCPU %u", service->name,
        crash.kind == EXO_UPCALL_FAULT ? "memory fault" : "trap", (unsigned long long)crash.address,
        known ? accesses[crash.access] : "", (unsigned long long)crash.syndrome, crash.vcpu);
    say_place(service, "at  ", crash.pc);
    if (!crash.has_context)
        return;
    say_callers(service, &crash.context);
    say_registers(service, &crash.context);
}
