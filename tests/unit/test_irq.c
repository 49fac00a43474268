/*
 * Interrupt lines (core/irq.c) over a double of the controller: when an edge, a level, a
 * message-signalled interrupt masks; the limit within a slot; and lines that are attached, bound,
 * acknowledged and detached while they fire on other CPUs.
 */
#include "core/irq.h"
#include "core/notification.h"
#include "fake_kernel.h"
#include "tap.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { LINE = 32, PLAIN, BADGED };

#define SPI   40u
#define MSI   (LPI_FIRST + 3)
#define BIT   4ull
#define SLOT  1000u /* ticks */
#define CPUS  4
#define TURNS 20000

static struct irq msi;

static uint64_t
take_events(void)
{
    return __atomic_exchange_n(&fake_init->control->events, 0, __ATOMIC_RELAXED);
}

/* A notification with a badge, bound to init's vCPU. */
static struct cap
begin(void)
{
    struct cap cap;
    fake_boot(4096, CPUS);
    CHECK_EQ(CALL(notification_create, EXO_BOOT_CELL, PLAIN), EXO_OK);
    CHECK_EQ(CALL(notification_bind, PLAIN, EXO_BOOT_VCPU), EXO_OK);
    CHECK_EQ(CALL(cap_copy, PLAIN, EXO_SELF, BADGED, EXO_WRITE | EXO_COPY, BIT, 0), EXO_OK);
    CHECK_EQ(cap_lookup(fake_init->env, BADGED, EXO_TYPE_NOTIFICATION, EXO_WRITE, &cap), EXO_OK);
    return cap;
}

static void
begin_line(uint32_t flags)
{
    (void)begin();
    CHECK_EQ(CALL(irq_open, EXO_BOOT_CELL, LINE, EXO_BOOT_IRQ, SPI, flags), EXO_OK);
    CHECK(fake_lines[SPI].masked);
    CHECK_EQ(fake_lines[SPI].level, flags == EXO_IRQ_LEVEL);
    CHECK_EQ(CALL(irq_bind, LINE, BADGED), EXO_OK);
    CHECK(!fake_lines[SPI].masked);
}

static void
begin_msi(void)
{
    struct cap cap = begin();
    memset(&msi, 0, sizeof(msi));
    irq_init(&msi, MSI, false);
    CHECK_EQ(irq_attach(&msi), EXO_OK);
    CHECK_EQ(irq_bind(&msi, &cap), EXO_OK);
    CHECK(!fake_lines[MSI].masked);
}

static void
detach(struct irq *irq)
{
    err_t err;
    do
        err = irq_detach_step(irq);
    while (err == EXO_E_AGAIN);
    CHECK_EQ(err, EXO_OK);
}

/* --- Masking --- */

static void
level_masks_at_once(void)
{
    begin_line(EXO_IRQ_LEVEL);
    irq_fired(SPI);
    CHECK_EQ(take_events(), BIT);
    CHECK(fake_lines[SPI].masked);
    CHECK_EQ(CALL(irq_ack, LINE), EXO_OK);
    CHECK(!fake_lines[SPI].masked);
    fake_machine_end();
}

static void
msi_that_is_acknowledged_costs_no_access_to_the_controller(void)
{
    begin_msi();
    uint32_t accesses = fake_lines[MSI].accesses;
    for (unsigned i = 0; i < EXO_IRQ_BURST; i++) {
        irq_fired(MSI);
        CHECK_EQ(take_events(), BIT);
        CHECK_EQ(irq_ack(&msi), EXO_OK);
    }
    CHECK_EQ(fake_lines[MSI].accesses, accesses);
    CHECK_EQ(msi.count, EXO_IRQ_BURST);
    CHECK_EQ(msi.masks, 0);
    detach(&msi);
    fake_machine_end();
}

/* Both are told: the second may have come after its holder looked. */
static void
second_msi_before_the_acknowledgement_masks(void)
{
    begin_msi();
    for (unsigned i = 1; i <= 3; i++) {
        irq_fired(MSI);
        CHECK_EQ(take_events(), BIT);
        CHECK(!fake_lines[MSI].masked);
        irq_fired(MSI);
        CHECK_EQ(take_events(), BIT);
        CHECK(fake_lines[MSI].masked);
        CHECK_EQ(msi.masks, i);
        CHECK_EQ(irq_ack(&msi), EXO_OK);
        CHECK(!fake_lines[MSI].masked);
    }
    detach(&msi);
    fake_machine_end();
}

/* The controller may have had one more on its way to the CPU. */
static void
interrupt_of_a_masked_line_is_told(void)
{
    begin_msi();
    irq_fired(MSI);
    irq_fired(MSI);
    (void)take_events();
    irq_fired(MSI);
    CHECK_EQ(take_events(), BIT);
    CHECK_EQ(irq_ack(&msi), EXO_OK);
    CHECK(!fake_lines[MSI].masked);
    detach(&msi);
    fake_machine_end();
}

static void
more_than_a_burst_masks_until_the_slot_is_over(void)
{
    begin_msi();
    fake_ticks = 100 * SLOT;
    for (unsigned i = 0; i < EXO_IRQ_BURST; i++) {
        irq_fired(MSI);
        CHECK_EQ(irq_ack(&msi), EXO_OK);
    }
    CHECK(!fake_lines[MSI].masked);
    irq_fired(MSI);
    CHECK(fake_lines[MSI].masked);
    for (fake_ticks++; fake_ticks < 101 * SLOT; fake_ticks += SLOT / 10)
        CHECK_EQ(irq_ack(&msi), EXO_E_AGAIN);
    fake_ticks = 101 * SLOT;
    CHECK_EQ(irq_ack(&msi), EXO_OK);
    CHECK(!fake_lines[MSI].masked);
    irq_fired(MSI);
    CHECK_EQ(irq_ack(&msi), EXO_OK);
    detach(&msi);
    fake_machine_end();
}

/* One more than a slot has room for, the last of them not acknowledged. */
static void
storm_of_a_level(void)
{
    begin_line(EXO_IRQ_LEVEL);
    fake_ticks = 7 * SLOT;
    for (unsigned i = 0; i < EXO_IRQ_BURST; i++) {
        irq_fired(SPI);
        CHECK_EQ(CALL(irq_ack, LINE), EXO_OK);
    }
    irq_fired(SPI);
}

static void
burst_of_a_level_is_limited_too(void)
{
    storm_of_a_level();
    CHECK_EQ(CALL(irq_ack, LINE), EXO_E_AGAIN);
    fake_ticks = 8 * SLOT;
    CHECK_EQ(CALL(irq_ack, LINE), EXO_OK);
    fake_machine_end();
}

/* Another binding is no way around it. */
static void
line_bound_anew_is_limited_too(void)
{
    storm_of_a_level();
    CHECK_EQ(CALL_AGAIN(irq_bind, LINE, EXO_NONE), EXO_OK);
    CHECK_EQ(CALL(irq_bind, LINE, BADGED), EXO_E_AGAIN);
    CHECK(fake_lines[SPI].masked);
    fake_ticks = 8 * SLOT;
    CHECK_EQ(CALL(irq_bind, LINE, BADGED), EXO_OK);
    CHECK(!fake_lines[SPI].masked);
    fake_machine_end();
}

static void
interrupt_without_a_binding_masks(void)
{
    begin_line(0);
    CHECK_EQ(CALL_AGAIN(cap_drop, PLAIN), EXO_OK);
    CHECK(!fake_lines[SPI].masked);
    irq_fired(SPI);
    CHECK(fake_lines[SPI].masked);
    CHECK_EQ(take_events(), 0);
    CHECK_EQ(CALL(irq_ack, LINE), EXO_E_STATE);
    fake_machine_end();
}

/* --- Lines and what holds them --- */

static void
line_has_one_holder_and_is_masked_without(void)
{
    begin_msi();
    struct irq second = {0};
    irq_init(&second, MSI, false);
    CHECK_EQ(irq_attach(&second), EXO_E_BUSY);
    detach(&msi);
    CHECK(fake_lines[MSI].masked);
    irq_fired(MSI);
    CHECK_EQ(take_events(), 0);
    CHECK_EQ(irq_attach(&second), EXO_OK);
    CHECK(fake_lines[MSI].masked);
    CHECK_EQ(irq_ack(&second), EXO_E_STATE);
    detach(&second);
    irq_init(&second, LPI_END, false);
    CHECK_EQ(irq_attach(&second), EXO_E_RANGE);
    irq_init(&second, IRQ_SPI_END - 1, false);
    CHECK_EQ(irq_attach(&second), EXO_E_RANGE);
    irq_fired(LPI_END);
    irq_fired(IRQ_SPI_END + 10);
    CHECK_EQ(take_events(), 0);
    fake_machine_end();
}

static void
interrupt_goes_to_the_cpu_of_its_vcpu(void)
{
    struct cap cap = begin();
    CHECK_EQ(CALL(vcpu_create, EXO_SELF, 40, 2, 0x50000, 0x400000, 0, 0), EXO_OK);
    CHECK_EQ(CALL(notification_create, EXO_BOOT_CELL, 41), EXO_OK);
    CHECK_EQ(CALL(notification_bind, 41, 40), EXO_OK);
    CHECK_EQ(CALL(cap_copy, 41, EXO_SELF, 42, EXO_WRITE | EXO_COPY, BIT, 0), EXO_OK);
    CHECK_EQ(CALL(irq_open, EXO_BOOT_CELL, LINE, EXO_BOOT_IRQ, SPI, 0), EXO_OK);
    CHECK_EQ(CALL(irq_bind, LINE, 42), EXO_OK);
    CHECK_EQ(fake_lines[SPI].cpu, 2);
    irq_fired(SPI);
    CHECK_EQ(CALL_AGAIN(irq_bind, LINE, EXO_NONE), EXO_OK);
    CHECK(fake_lines[SPI].masked);
    CHECK_EQ(CALL(irq_bind, LINE, BADGED), EXO_OK);
    irq_fired(SPI);
    CHECK(!fake_lines[SPI].masked); /* the first since then */
    CHECK_EQ(fake_lines[SPI].cpu, cap_still(&cap) ? 0 : 99);
    fake_machine_end();
}

static void
software_tells_without_a_line(void)
{
    struct cap cap = begin();
    struct irq port = {0};
    irq_init(&port, IRQ_NONE, false);
    irq_notify(&port);
    CHECK_EQ(irq_bind(&port, &cap), EXO_OK);
    CHECK_EQ(irq_bind(&port, &cap), EXO_E_OCCUPIED);
    irq_notify(&port);
    CHECK_EQ(take_events(), BIT);
    CHECK_EQ(irq_ack(&port), EXO_OK);
    detach(&port);
    irq_notify(&port);
    CHECK_EQ(take_events(), 0);
    fake_machine_end();
}

/* --- On all CPUs at once --- */

static struct cap shared; /* of the notification */
static _Atomic bool over;

static void
enter(uint32_t cpu)
{
    fake_cpu = cpu;
    atomic_store(&cpus[cpu].epoch, atomic_load(&global_epoch));
}

static void
leave(void)
{
    atomic_store(&this_cpu()->epoch, EPOCH_OUTSIDE);
}

static void *
fire(void *cpu)
{
    while (!atomic_load(&over)) {
        enter((uint32_t)(uintptr_t)cpu);
        irq_fired(MSI);
        leave();
    }
    return NULL;
}

/* Each time another piece of memory is the line's, freed as soon as it is detached. */
static void *
attach_and_detach(void *cpu)
{
    for (unsigned i = 0; i < TURNS / 10; i++) {
        struct irq *irq = calloc(1, sizeof(*irq));
        enter((uint32_t)(uintptr_t)cpu);
        irq_init(irq, MSI, i % 2);
        bool mine = irq_attach(irq) == EXO_OK;
        if (mine && irq_bind(irq, &shared) == EXO_OK)
            (void)irq_ack(irq);
        leave();
        err_t err;
        do {
            enter((uint32_t)(uintptr_t)cpu);
            err = irq_detach_step(irq);
            leave();
        } while (err == EXO_E_AGAIN);
        free(irq);
    }
    return NULL;
}

static void
lines_come_and_go_while_they_fire(void)
{
    pthread_t threads[CPUS];
    shared = begin();
    atomic_store(&over, false);
    for (uintptr_t cpu = 0; cpu < CPUS; cpu++)
        CHECK_EQ(
            pthread_create(&threads[cpu], NULL, cpu < 2 ? fire : attach_and_detach, (void *)cpu),
            0);
    pthread_join(threads[2], NULL);
    pthread_join(threads[3], NULL);
    atomic_store(&over, true);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    CHECK(fake_lines[MSI].masked);
    fake_cpu = 0;
    CHECK_EQ(CALL_AGAIN(cap_drop, PLAIN), EXO_OK);
    fake_machine_end();
}

static void *
acknowledge(void *cpu)
{
    for (unsigned i = 0; i < TURNS; i++) {
        enter((uint32_t)(uintptr_t)cpu);
        (void)irq_ack(&msi);
        if (i % 16 == 0 && irq_unbind_step(&msi) == EXO_OK)
            (void)irq_bind(&msi, &shared);
        leave();
    }
    return NULL;
}

static void
masking_is_what_the_controller_was_told(void)
{
    pthread_t threads[CPUS];
    begin_msi();
    CHECK_EQ(cap_lookup(fake_init->env, BADGED, EXO_TYPE_NOTIFICATION, EXO_WRITE, &shared), EXO_OK);
    atomic_store(&over, false);
    for (uintptr_t cpu = 0; cpu < CPUS; cpu++)
        CHECK_EQ(pthread_create(&threads[cpu], NULL, cpu < 2 ? fire : acknowledge, (void *)cpu), 0);
    pthread_join(threads[2], NULL);
    pthread_join(threads[3], NULL);
    atomic_store(&over, true);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    fake_cpu = 0;
    CHECK_EQ(msi.masked, fake_lines[MSI].masked);
    detach(&msi);
    fake_machine_end();
}

static const struct tap_test tests[] = {
    TAP(level_masks_at_once),
    TAP(msi_that_is_acknowledged_costs_no_access_to_the_controller),
    TAP(second_msi_before_the_acknowledgement_masks),
    TAP(interrupt_of_a_masked_line_is_told),
    TAP(more_than_a_burst_masks_until_the_slot_is_over),
    TAP(burst_of_a_level_is_limited_too),
    TAP(line_bound_anew_is_limited_too),
    TAP(interrupt_without_a_binding_masks),
    TAP(line_has_one_holder_and_is_masked_without),
    TAP(interrupt_goes_to_the_cpu_of_its_vcpu),
    TAP(software_tells_without_a_line),
    TAP(lines_come_and_go_while_they_fire),
    TAP(masking_is_what_the_controller_was_told),
};
TAP_MAIN(tests)
