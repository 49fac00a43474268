/*
 * PCI enumeration over a double of configuration space: numbers and addresses nest, sound devices
 * are found whatever stands beside them, and nothing that a function says of itself leads outside.
 */
#include "host/fake_pci.h"

#include <string.h>
#include <sys/time.h>

#include "tap.h"

#define ROUNDS      20000
#define SECONDS_MAX 120 /* of a CPU, to take it for a loop */
#define ACCESSES_MAX \
    1000000 /* 32 buses of 256 functions, looked at twice, and what is found there */

enum { NET = 1, BLOCK = 2, ENTROPY = 4, BALLOON = 5 };

static void
scan(void)
{
    pci_scan();
    fake_check_devices();
    CHECK(fake_accesses < ACCESSES_MAX);
}

/* --- What is sound ------------------------------------------------------------------------------
 */

static uint32_t
bits(uint32_t value, unsigned low, unsigned count)
{
    return value >> low & ((1u << count) - 1);
}

/* The function's buses and addresses lie in those of each bridge above it. */
static void
check_nested(const struct fake_function *function)
{
    uint64_t bar = FAKE(function, PCI_BAR + 4 * 4) & ~15u;
    const struct fake_function *inner = function;
    for (const struct fake_function *bridge = function->parent; bridge != NULL;
         inner = bridge, bridge = bridge->parent) {
        uint32_t memory = FAKE(bridge, 0x20), numbers = FAKE(bridge, PCI_BUSES);
        uint64_t base = (uint64_t)bits(memory, 4, 12) << 20;
        uint64_t limit = (uint64_t)bits(memory, 20, 12) << 20 | 0xfffff;
        CHECK(bar >= base && bar + 0x4000 <= limit + 1);
        CHECK_EQ(FAKE(bridge, 0x24) & 0xfff0fff0, 0xfff0); /* nothing is prefetchable */
        CHECK_EQ(bits(numbers, 0, 8), fake_requester(bridge) >> 8);
        CHECK_EQ(bits(FAKE(bridge, PCI_COMMAND), 0, 3), 6);
        if (inner != function) {
            CHECK(bits(FAKE(inner, PCI_BUSES), 8, 8) > bits(numbers, 8, 8));
            CHECK(bits(FAKE(inner, PCI_BUSES), 16, 8) <= bits(numbers, 16, 8));
        }
    }
}

static void
everything_is_found_and_nests(void)
{
    fake_pci_begin();
    struct fake_function *port = fake_port(NULL, 1), *other = fake_port(NULL, 2);
    struct fake_function *up = fake_port(other, 0), *down = fake_port(up, 3);
    FAKE(up, FAKE_EXPRESS) = 0x00520010; /* a switch */
    struct fake_function *functions[] = {fake_endpoint(NULL, 3, ENTROPY),
                                         fake_endpoint(port, 0, NET), fake_endpoint(up, 7, BLOCK),
                                         fake_endpoint(down, 0, NET)};
    scan();
    CHECK_EQ(device_count, 4);
    for (uint32_t i = 0; i < 4; i++) {
        CHECK_EQ(devices[i].requester, fake_requester(functions[i]));
        CHECK_EQ(devices[i].type, (FAKE(functions[i], PCI_ID) >> 16) - 0x1040);
        CHECK_EQ(FAKE(functions[i], PCI_COMMAND) & 0xffff, PCI_MEMORY | PCI_INTX_OFF);
        CHECK(FAKE(functions[i], FAKE_MSIX) >> 31);
        check_nested(functions[i]);
        for (uint32_t j = 0; j < i; j++) {
            CHECK(devices[j].requester < devices[i].requester);
            CHECK(FAKE(functions[i], PCI_BAR + 16) != FAKE(functions[j], PCI_BAR + 16));
        }
    }
    CHECK_EQ(pci_ports, 3);
    /* What one port passes on ends before what the other one does begins. */
    CHECK(bits(FAKE(port, 0x20), 20, 12) < bits(FAKE(other, 0x20), 4, 12));
    CHECK(bits(FAKE(port, PCI_BUSES), 16, 8) < bits(FAKE(other, PCI_BUSES), 8, 8));
}

static void
device_is_as_it_says(void)
{
    fake_pci_begin();
    fake_endpoint(NULL, 1, BLOCK);
    scan();
    CHECK_EQ(devices[0].offered, 1ull << 32 | 1ull << 29);
    CHECK_EQ(devices[0].queues, 3);
    CHECK_EQ(devices[0].transport.entries[2], 256);
    CHECK_EQ(devices[0].config_bytes, EXO_CONFIG_BYTES_MAX);
    CHECK_EQ(devices[0].config_irq.line, devices[0].first_lpi);
    volatile uint32_t *table = pci_registers(FAKE_WINDOW);
    for (uint32_t vector = 0; vector < 4; vector++) {
        CHECK_EQ(table[4 * vector], 0x8090040);
        CHECK_EQ(table[4 * vector + 2], vector);
        CHECK_EQ(table[4 * vector + 3], 0);
    }
}

static void
transitional_devices_are_found_by_their_subsystem(void)
{
    fake_pci_begin();
    struct fake_function *function = fake_endpoint(NULL, 1, NET);
    FAKE(function, PCI_ID) = 0x10051af4;
    FAKE(function, PCI_SUBSYSTEM) = ENTROPY << 16 | 0x1af4;
    scan();
    CHECK_EQ(device_count, 1);
    CHECK_EQ(devices[0].type, ENTROPY);
}

/* --- What is not ------------------------------------------------------------------------------ */

/* Beside a sound device on either side, one that `damage` was done to is left out, and says so. */
static void
is_left_out(void (*damage)(struct fake_function *function))
{
    fake_pci_begin();
    fake_endpoint(NULL, 1, NET);
    struct fake_function *bad = fake_endpoint(NULL, 2, NET);
    fake_endpoint(NULL, 3, NET);
    damage(bad);
    scan();
    CHECK_EQ(device_count, 2);
    CHECK_EQ(fake_lines, 3);
    CHECK_EQ(devices[0].requester, 1 << 3);
    CHECK_EQ(devices[1].requester, 3 << 3);
    CHECK_EQ(FAKE(bad, PCI_COMMAND) & (PCI_MEMORY | PCI_MASTER), 0);
}

static void
loop(struct fake_function *function)
{
    FAKE(function, FAKE_MSIX) = 0x00030011 | FAKE_COMMON << 8;
}

static void
list_into_the_header(struct fake_function *function)
{
    FAKE(function, FAKE_MSIX) |= 0x10 << 8;
}

static void
no_capabilities(struct fake_function *function)
{
    FAKE(function, PCI_COMMAND) &= ~0x100000u;
}

static void
unknown_type(struct fake_function *function)
{
    FAKE(function, PCI_ID) = (0x1040 + BALLOON) << 16 | 0x1af4;
}

static void
another_vendor(struct fake_function *function)
{
    FAKE(function, PCI_ID) = 0x10418086;
}

static void
size_with_holes(struct fake_function *function)
{
    function->writable[PCI_BAR / 4 + 1] = 0xff00f000;
}

static void
too_large(struct fake_function *function)
{
    function->writable[PCI_BAR / 4 + 1] = 0x80000000;
}

static void
larger_than_the_address_space(struct fake_function *function)
{
    function->writable[PCI_BAR / 4 + 4] = 0;
    function->writable[PCI_BAR / 4 + 5] = 0x80000000;
}

static void
size_of_all(struct fake_function *function)
{
    function->writable[PCI_BAR / 4 + 4] = function->writable[PCI_BAR / 4 + 5] = 0;
}

static void
wide_at_the_end(struct fake_function *function)
{
    FAKE(function, PCI_BAR + 20) = 4;
    function->writable[PCI_BAR / 4 + 5] = 0xffff0000;
    FAKE(function, PCI_BAR + 16) = 0;
    function->writable[PCI_BAR / 4 + 4] = 0xffff0000;
}

static void
common_beyond_its_bar(struct fake_function *function)
{
    FAKE(function, FAKE_COMMON + 8) = 0x4000 - 32;
    FAKE(function, FAKE_COMMON + 12) = 64;
}

static void
common_that_wraps(struct fake_function *function)
{
    FAKE(function, FAKE_COMMON + 8) = 0xfffffffc;
    FAKE(function, FAKE_COMMON + 12) = 64;
}

static void
common_too_short(struct fake_function *function)
{
    FAKE(function, FAKE_COMMON + 12) = 55;
}

static void
common_unaligned(struct fake_function *function)
{
    FAKE(function, FAKE_COMMON + 8) = 2;
}

static void
common_in_no_bar(struct fake_function *function)
{
    FAKE(function, FAKE_COMMON + 4) = 0;
}

static void
common_in_bar_6(struct fake_function *function)
{
    FAKE(function, FAKE_COMMON + 4) = 6;
}

/* Of no bytes, where there are none: range_fits has nothing against it. */
static void
empty_common_in_no_bar(struct fake_function *function)
{
    FAKE(function, FAKE_COMMON + 4) = 2;
    FAKE(function, FAKE_COMMON + 12) = 0;
}

static void
empty_notify_behind_its_bar(struct fake_function *function)
{
    FAKE(function, FAKE_NOTIFY + 8) = 0x4000;
    FAKE(function, FAKE_NOTIFY + 12) = 0;
}

static void
no_notify(struct fake_function *function)
{
    FAKE(function, FAKE_NOTIFY) = 0x02100009 | FAKE_CONFIG << 8; /* too short for its multiplier */
}

static void
odd_multiplier(struct fake_function *function)
{
    FAKE(function, FAKE_NOTIFY + 16) = 3;
}

static void
no_msix(struct fake_function *function)
{
    FAKE(function, FAKE_MSIX) = 0x00030005;
}

static void
one_vector(struct fake_function *function)
{
    FAKE(function, FAKE_MSIX) = 0x00000011;
}

static void
table_beyond_its_bar(struct fake_function *function)
{
    FAKE(function, FAKE_MSIX + 4) = 0xfd8 | 1;
}

static void
what_makes_no_sense_is_left_out(void)
{
    void (*damages[])(struct fake_function *) = {
        loop,
        list_into_the_header,
        no_capabilities,
        unknown_type,
        another_vendor,
        size_with_holes,
        too_large,
        larger_than_the_address_space,
        size_of_all,
        wide_at_the_end,
        common_beyond_its_bar,
        common_that_wraps,
        common_too_short,
        common_unaligned,
        common_in_no_bar,
        common_in_bar_6,
        empty_common_in_no_bar,
        empty_notify_behind_its_bar,
        no_notify,
        odd_multiplier,
        no_msix,
        one_vector,
        table_beyond_its_bar,
    };
    for (size_t i = 0; i < ARRAY_LENGTH(damages); i++) {
        printf("# damage %zu\n", i);
        is_left_out(damages[i]);
    }
}

static void
unsound_structures_do_not_hide_sound_ones(void)
{
    fake_pci_begin();
    struct fake_function *function = fake_endpoint(NULL, 1, NET);
    FAKE(function, PCI_CAPABILITIES) = 0xc0;
    const uint32_t first[] = {0x01100009 | FAKE_COMMON << 8, 5, 0, 0x1000}; /* in no BAR */
    memcpy(&FAKE(function, 0xc0), first, sizeof(first));
    scan();
    CHECK_EQ(device_count, 1);
}

static void
devices_beyond_what_there_is_room_for_are_left_out(void)
{
    fake_pci_begin();
    struct fake_function *port = fake_port(NULL, 31);
    for (uint32_t i = 0; i < 25; i++) {
        fake_endpoint(NULL, 1 + i, ENTROPY);
        fake_endpoint(port, 1 + i, ENTROPY);
    }
    scan();
    CHECK_EQ(device_count, DEVICES_MAX);
    CHECK_EQ(pci_ports, 1); /* they keep no interrupt from it */
    CHECK_EQ(fake_lines, 50);
}

static void
thirty_devices_have_ports_of_their_own(void)
{
    fake_pci_begin();
    for (uint32_t i = 0; i < 30; i++)
        fake_endpoint(fake_port(NULL, 1 + i), 0, ENTROPY);
    scan();
    CHECK_EQ(device_count, 30);
    CHECK_EQ(pci_ports, 30);
}

static void
bridges_behind_bridges_come_to_an_end(void)
{
    fake_pci_begin();
    struct fake_function *bridge = NULL;
    for (uint32_t i = 0; i < 20; i++)
        bridge = fake_port(bridge, 0);
    fake_endpoint(bridge, 1, NET);
    fake_endpoint(NULL, 1, NET);
    scan();
    CHECK_EQ(device_count, 1);
}

static void
buses_come_to_an_end(void)
{
    fake_pci_begin();
    for (uint32_t i = 0; i < 60; i++)
        FAKE(fake_port(NULL, i / 8), PCI_HEADER) = 0x810000;
    for (uint32_t i = 0; i < 60; i++)
        fake_functions[i].devfn = i;
    scan();
    CHECK_EQ(fake_lines, 60 - 31);
}

static void
window_comes_to_an_end(void)
{
    fake_pci_begin();
    struct fake_function *full = fake_port(NULL, 5), *large = fake_endpoint(NULL, 1, NET);
    large->writable[PCI_BAR / 4 + 1] = ~((uint32_t)FAKE_WINDOW_SIZE - 1);
    fake_endpoint(full, 0, NET);
    scan();
    CHECK_EQ(device_count, 0);
    CHECK_EQ(FAKE(full, PCI_COMMAND) & (PCI_MEMORY | PCI_MASTER), 0);
}

/* Buses, windows and BARs that firmware left answer for nobody while they are given anew. */
static void
what_firmware_left_does_not_matter(void)
{
    fake_pci_begin();
    struct fake_function *first = fake_port(NULL, 1), *second = fake_port(NULL, 2);
    FAKE(second, PCI_BUSES) = 0x010100;
    FAKE(first, PCI_BUSES) = 0x050200;
    fake_endpoint(first, 0, NET);
    fake_endpoint(second, 0, BLOCK);
    scan();
    CHECK_EQ(device_count, 2);
    CHECK_EQ(devices[0].type, NET);
    CHECK_EQ(devices[0].requester, 1 << 8);
    CHECK_EQ(devices[1].requester, 2 << 8);
}

static void
conventional_bridges_are_left_out(void)
{
    fake_pci_begin();
    struct fake_function *bridge = fake_port(NULL, 1);
    FAKE(bridge, FAKE_EXPRESS) = 0x00720010; /* to conventional PCI */
    fake_endpoint(bridge, 0, NET);
    scan();
    CHECK_EQ(device_count, 0);
    CHECK_EQ(fake_lines, 1);
}

/* --- Removal ------------------------------------------------------------------------------------
 */

static struct fake_function *port, *beside;

static void
begin_with_a_port(void)
{
    fake_pci_begin();
    port = fake_port(NULL, 1);
    fake_endpoint(port, 0, NET);
    beside = fake_endpoint(NULL, 2, NET);
    scan();
    CHECK_EQ(device_count, 2);
}

static void
button_removes_what_is_behind_the_port(void)
{
    begin_with_a_port();
    fake_slot_event(port, 1);
    CHECK(devices[1].gone && !devices[0].gone);
    CHECK_EQ(FAKE(port, FAKE_SLOT) & 0x700, 0x700); /* indicator and power are off */
    CHECK_EQ(FAKE(port, FAKE_SLOT) & 0x11f0000, 0); /* the events were taken */
    CHECK_EQ(FAKE(port, FAKE_SLOT) & 0x29, 0x29);   /* the next ones will come */
}

static void
slot_of_a_device_that_is_not_quiet_keeps_its_power(void)
{
    begin_with_a_port();
    fake_quiet = false;
    fake_slot_event(port, 1);
    CHECK_EQ(FAKE(port, FAKE_SLOT) & 0x700, 0x100);
    fake_quiet = true;
    fake_slot_event(port, 1);
    CHECK(devices[1].gone);
    CHECK_EQ(FAKE(port, FAKE_SLOT) & 0x700, 0x700);
}

static void
what_was_torn_out_is_gone(void)
{
    begin_with_a_port();
    FAKE(port, FAKE_SLOT) &= ~0x400000u;
    fake_slot_event(port, 8);
    CHECK(devices[1].gone && !devices[0].gone);
}

static void
other_events_of_the_slot_change_nothing(void)
{
    begin_with_a_port();
    fake_slot_event(port, 0x10);
    fake_slot_event(port, 8); /* it changed, and is there */
    CHECK(!devices[1].gone);
    CHECK_EQ(FAKE(port, FAKE_SLOT) & 0x700, 0x100);
    CHECK_EQ(FAKE(port, FAKE_SLOT) & 0x11f0000, 0);
}

/* Its registers are not where they were: to touch them would crash. */
static void
registers_of_what_is_gone_are_not_touched(void)
{
    uint64_t word;
    begin_with_a_port();
    struct device *device = &devices[1];
    fake_slot_event(port, 1);
    device->transport.common = NULL;
    device->transport.config = NULL;
    device->transport.doorbell[0] = NULL;
    uint64_t accesses = fake_accesses;
    CHECK_EQ(transport_status(device), STATUS_GONE);
    CHECK_EQ(transport_features(device), 0);
    CHECK(!transport_accept(device, 1));
    CHECK_EQ(transport_queue_entries(device, 0), 0);
    CHECK(!transport_queue_enable(device, 0, 256, 0, 0, 0));
    CHECK(!transport_config(device, 0, &word, sizeof(word)));
    transport_set_status(device, 1);
    transport_set_mastering(device, true);
    transport_doorbell(device, 0);
    CHECK_EQ(fake_accesses, accesses);
}

static void
doorbell_outside_of_the_registers_is_refused(void)
{
    begin_with_a_port();
    struct device *device = &devices[0];
    volatile uint16_t *notify_off =
        (volatile uint16_t *)((volatile char *)device->transport.common + 30);
    *notify_off = 0x3ff;
    CHECK(transport_queue_enable(device, 0, 256, 0x1000, 0x2000, 0x3000));
    transport_doorbell(device, 0);
    *notify_off = 0x400;
    CHECK(!transport_queue_enable(device, 0, 256, 0x1000, 0x2000, 0x3000));
    device->transport.notify_multiplier = 0xfffffffe;
    *notify_off = 0xffff;
    CHECK(!transport_queue_enable(device, 0, 256, 0x1000, 0x2000, 0x3000));
    CHECK(!transport_queue_enable(device, device->queues, 256, 0x1000, 0x2000, 0x3000));
}

/* --- Anything --------------------------------------------------------------------------------- */

static void
random_functions_lead_nowhere_outside(void)
{
    uint64_t random = 0x9e3779b97f4a7c15;
    uint32_t found = 0;
    const struct itimerval limit = {.it_value.tv_sec = SECONDS_MAX};
    CHECK_EQ(setitimer(ITIMER_PROF, &limit, NULL), 0);
    for (unsigned round = 0; round < ROUNDS; round++) {
        fake_pci_begin();
        struct fake_function *a = fake_port(NULL, 1), *b = fake_port(a, 0);
        fake_endpoint(NULL, 2, NET);
        fake_endpoint(a, 1, BLOCK);
        fake_endpoint(b, 0, ENTROPY);
        for (uint32_t count = 1 + tap_random(&random, 8); count > 0; count--) {
            struct fake_function *at = &fake_functions[tap_random(&random, fake_count)];
            uint32_t *words = tap_random(&random, 4) == 0 ? at->writable : at->value;
            uint32_t mask = tap_random(&random, 2) == 0 ? 1u << tap_random(&random, 32)
                                                        : 0xffu << 8 * tap_random(&random, 4);
            words[tap_random(&random, 64)] ^= mask & (tap_random(&random, 1u << 31) * 2 + 1);
        }
        scan();
        fake_slot_event(a, tap_random(&random, 32));
        found += device_count;
    }
    printf("# %u of %u found\n", found, 3 * ROUNDS);
    CHECK(found > ROUNDS && found < 3 * ROUNDS);
}

static const struct tap_test tests[] = {
    TAP(everything_is_found_and_nests),
    TAP(device_is_as_it_says),
    TAP(transitional_devices_are_found_by_their_subsystem),
    TAP(what_makes_no_sense_is_left_out),
    TAP(unsound_structures_do_not_hide_sound_ones),
    TAP(devices_beyond_what_there_is_room_for_are_left_out),
    TAP(thirty_devices_have_ports_of_their_own),
    TAP(bridges_behind_bridges_come_to_an_end),
    TAP(buses_come_to_an_end),
    TAP(window_comes_to_an_end),
    TAP(what_firmware_left_does_not_matter),
    TAP(conventional_bridges_are_left_out),
    TAP(button_removes_what_is_behind_the_port),
    TAP(slot_of_a_device_that_is_not_quiet_keeps_its_power),
    TAP(what_was_torn_out_is_gone),
    TAP(other_events_of_the_slot_change_nothing),
    TAP(registers_of_what_is_gone_are_not_touched),
    TAP(doorbell_outside_of_the_registers_is_refused),
    TAP(random_functions_lead_nowhere_outside),
};
TAP_MAIN(tests)
