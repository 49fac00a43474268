// config: smp=1,4 cpu=max,cortex-a72 devices=rng,net,blk,balloon,net@port,rng@port
/* Devices: which there are, what they say of themselves, and that this is all one gets of them. */
#include "fixture.h"
#include "refuse.h"

#define FEATURE(n)  (1ull << (n))
#define NET_MAC     FEATURE(5)
#define NET_STATUS  FEATURE(16)
#define EVENT_INDEX FEATURE(29)
#define VERSION_1   FEATURE(32)

/* Of virtio 1.2 §6: rings that the kernel does not check, or that the device changes by itself. */
#define NEVER                                                                                      \
    (FEATURE(28) /* indirect descriptors */ | FEATURE(33) /* IOMMU */ | FEATURE(34) /* packed */ | \
     FEATURE(35) /* in order */ | FEATURE(40) /* ring reset */ |                                   \
     FEATURE(38) /* notification data */)
#define NET_CONTROL FEATURE(17)

enum { NET = 1, BLOCK = 2, ENTROPY = 4 };

static struct exo_device_info
info_of_device(uint32_t slot)
{
    struct exo_device_info info = {0};
    check_equal(exo_device_info(slot, &info), EXO_OK);
    check_equal(info.size, sizeof(info));
    check_equal(info.version, EXO_ABI_VERSION);
    return info;
}

/* The first device of that type. */
static uint32_t
device_of(uint32_t type)
{
    uint32_t slot = EXO_BOOT_DEVICE;
    while (slot < EXO_BOOT_SLOTS - 1 && info_of_device(slot).type != type)
        slot++;
    return slot;
}

/* Bus 0 first, then what is behind the ports; the balloon, which takes memory by number, is none's.
 */
static void
devices_are_those_of_the_machine_in_their_order(void)
{
    static const uint32_t types[] = {ENTROPY, NET, BLOCK, NET, ENTROPY};
    uint32_t before = 0;
    for (uint32_t i = 0; i < 5; i++) {
        struct exo_device_info info = info_of_device(EXO_BOOT_DEVICE + i);
        check_equal(info.type, types[i]);
        check_equal(info.state, EXO_DEVICE_CLOSED);
        check_equal(info.object, info_of(EXO_BOOT_DEVICE + i).object);
        check(info.requester > before);
        check_equal(info.requester >> 8, i < 3 ? 0 : i - 2);
        before = info.requester;
    }
    struct exo_device_info info;
    for (uint32_t slot = EXO_BOOT_DEVICE + 5; slot < RT_SLOT_FIRST; slot++)
        check_equal(exo_device_info(slot, &info), EXO_E_SLOT);
}

static void
features_are_those_that_the_kernel_can_check(void)
{
    for (uint32_t slot = EXO_BOOT_DEVICE; slot < EXO_BOOT_DEVICE + 5; slot++) {
        struct exo_device_info info = info_of_device(slot);
        check_equal(info.offered & (EVENT_INDEX | VERSION_1), EVENT_INDEX | VERSION_1);
        check_equal(info.offered & NEVER, 0);
        check_equal(info.accepted, 0);
    }
    struct exo_device_info net = info_of_device(device_of(NET));
    check(net.offered & NET_MAC);
    check_equal(net.offered & NET_CONTROL, 0);
}

static void
queues_are_those_that_can_be_used(void)
{
    static const uint32_t types[] = {NET, BLOCK, ENTROPY}, queues[] = {2, 8, 1};
    for (unsigned i = 0; i < 3; i++) {
        struct exo_device_info info = info_of_device(device_of(types[i]));
        check_equal(info.queues, queues[i]);
        for (uint32_t queue = 0; queue < 16; queue++)
            check_equal(info.queue_entries[queue] != 0, queue < info.queues);
    }
}

static void
configuration_is_what_the_device_has(void)
{
    uint8_t mac[6];
    static const uint8_t first[6] = {0x52, 0x54, 0, 0, 0, 1};
    check_equal(exo_device_config(device_of(NET), 0, mac, sizeof(mac)), EXO_OK);
    for (unsigned i = 0; i < sizeof(mac); i++)
        check_equal(mac[i], first[i]);
    uint64_t sectors;
    check_equal(exo_device_config(device_of(BLOCK), 0, &sectors, sizeof(sectors)), EXO_OK);
    check_equal(sectors, (16u << 20) / 512);
    check_equal(exo_device_config(device_of(NET), 5, mac, 1), EXO_OK);
    check_equal(mac[0], 1);
}

static void
configuration_ends_where_it_ends(void)
{
    static uint8_t all[EXO_CONFIG_BYTES_MAX + 1];
    uint32_t block = device_of(BLOCK), bytes = info_of_device(block).config_bytes;
    check(bytes > 32 && bytes <= EXO_CONFIG_BYTES_MAX);
    check_equal(exo_device_config(block, 0, all, bytes), EXO_OK);
    check_equal(exo_device_config(block, bytes - 1, all, 1), EXO_OK);
    check_equal(exo_device_config(block, bytes, all, 1), EXO_E_RANGE);
    check_equal(exo_device_config(block, bytes - 1, all, 2), EXO_E_RANGE);
    check_equal(exo_device_config(block, 0, all, bytes + 1), EXO_E_RANGE);
    check_equal(exo_device_config(block, 0, all, 0), EXO_E_RANGE);
    struct call call = {EXO_CALL_device_config, {block, UINT64_MAX, exo_address(all), 2}};
    check_equal(call_raw(&call), EXO_E_RANGE);
    call = (struct call){EXO_CALL_device_config, {block, 1, exo_address(all), UINT64_MAX}};
    check_equal(call_raw(&call), EXO_E_RANGE);
    call = (struct call){EXO_CALL_device_config, {block, 1ull << 32, exo_address(all), 1}};
    check_equal(call_raw(&call), EXO_E_RANGE);
}

static void
device_calls_refuse_bad_slots_rights_and_addresses(void)
{
    uint64_t word;
    struct exo_device_info info;
    struct call call = {EXO_CALL_device_info, {EXO_BOOT_DEVICE, exo_address(&info)}};
    refuses_bad_capability(call, 0, EXO_READ);
    refuses_bad_result_address(call, 1);
    struct call config = {EXO_CALL_device_config, {device_of(BLOCK), 0, exo_address(&word), 8}};
    refuses_bad_capability(config, 0, EXO_READ);
    refuses_bad_result_address(config, 2);
    uint32_t notification = badged(new_notification(), 1);
    struct call bind = {EXO_CALL_irq_bind, {EXO_BOOT_DEVICE, notification}};
    refuses_bad_capability(bind, 0, EXO_CONTROL);
    struct call ack = {EXO_CALL_irq_ack, {EXO_BOOT_DEVICE}};
    refuses_bad_capability(ack, 0, EXO_CONTROL);
}

static void
device_cannot_be_widened_or_split(void)
{
    uint32_t slot = rt_slot_take(), wider = rt_slot_take();
    check_equal(exo_cap_copy(EXO_BOOT_DEVICE, EXO_SELF, slot, EXO_READ, 1, 0), EXO_E_RANGE);
    check_equal(exo_cap_copy(EXO_BOOT_DEVICE, EXO_SELF, slot, EXO_READ, 0, 16), EXO_E_RANGE);
    check_equal(exo_cap_copy(EXO_BOOT_DEVICE, EXO_SELF, slot, EXO_READ | EXO_COPY, 1, 2), EXO_OK);
    check_equal(exo_cap_copy(slot, EXO_SELF, wider, EXO_READ, 0, 2), EXO_E_RANGE);
    check_equal(exo_cap_copy(slot, EXO_SELF, wider, EXO_READ, 1, 3), EXO_E_RANGE);
    check_equal(exo_cap_copy(slot, EXO_SELF, wider, EXO_READ, 2, 1), EXO_OK);
    check_equal(exo_frames_split(EXO_BOOT_DEVICE, 1, rt_slot_take()), EXO_E_TYPE);
}

/* One that is bound is bound: by the first, until it lets go or its notification ends. */
static void
changes_of_the_configuration_are_told_to_one(void)
{
    uint32_t device = device_of(NET), notification = new_notification();
    check_equal(exo_notification_bind(notification, EXO_BOOT_VCPU), EXO_OK);
    uint32_t first = badged(notification, 1), second = badged(notification, 2);
    check_equal(exo_irq_bind(device, notification), EXO_E_ARG);
    check_equal(exo_irq_bind(device, first), EXO_OK);
    check_equal(exo_irq_bind(device, second), EXO_E_OCCUPIED);
    check_equal(exo_irq_ack(device), EXO_OK);
    int64_t status;
    while ((status = exo_irq_bind(device, EXO_NONE)) == EXO_E_AGAIN) {
    }
    check_equal(status, EXO_OK);
    check_equal(exo_irq_bind(device, second), EXO_OK);
    check_equal(rt_drop(second), EXO_OK);
    check_equal(exo_irq_bind(device, first), EXO_OK);
    check_equal(rt_take_events(UINT64_MAX), 0);
}

/* --- In use ---------------------------------------------------------------------------------- */

static uint16_t
link_of(uint32_t device)
{
    uint16_t status = 0;
    check_equal(exo_device_config(device, 6, &status, sizeof(status)), EXO_OK);
    return status & 1;
}

static void
change_link(uint32_t device, const char *up, uint16_t expected)
{
    rt_printf("qmp: set_link name=net0 up=%s\n", up);
    check_equal(rt_wait_events(1, test_patience()), 1);
    check_equal(link_of(device), expected);
    check_equal(exo_irq_ack(device), EXO_OK);
}

static void
holder_is_told_of_changes_of_the_configuration(void)
{
    struct exo_value opened;
    uint32_t device = device_of(NET), notification = new_notification();
    check_equal(exo_notification_bind(notification, EXO_BOOT_VCPU), EXO_OK);
    check_equal(exo_irq_bind(device, badged(notification, 1)), EXO_OK);
    do {
        opened = exo_device_open(EXO_BOOT_CELL, device, 2, NET_STATUS, 0);
    } while (opened.status == EXO_E_AGAIN);
    check_equal(opened.status, EXO_OK);
    check_equal(opened.value, NET_STATUS | EVENT_INDEX | VERSION_1);
    struct exo_device_info info = info_of_device(device);
    check_equal(info.state, EXO_DEVICE_OPEN);
    check_equal(info.accepted, opened.value);
    check_equal(link_of(device), 1);
    change_link(device, "false", 0);
    change_link(device, "true", 1);
    int64_t status;
    while ((status = exo_device_close(device)) == EXO_E_AGAIN) {
    }
    check_equal(status, EXO_OK);
    info = info_of_device(device);
    check_equal(info.state, EXO_DEVICE_CLOSED);
    check_equal(info.accepted, 0);
}

/* --- Their registers ------------------------------------------------------------------------ */

/* No frames capability is for them, and none can be had by address: configuration space, addresses
 * that were given to BARs, the interrupt controllers, and the first virtio-mmio transport. */
static void
registers_are_nobodys(void)
{
    static const uint64_t addresses[] = {0x4010000000, 0x4010008000, 0x10000000, 0x10001000,
                                         0x10004000,   0x10100000,   0x08080000, 0x08090000,
                                         0x080a0000,   0x08000000,   0x0a000000, 0x3eff0000};
    uint32_t slot = rt_slot_take();
    for (unsigned i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
        struct exo_frames frames =
            exo_frames_alloc(EXO_BOOT_CELL, slot, 1, EXO_ALLOC_AT, addresses[i] / EXO_PAGE_BYTES);
        check(frames.status == EXO_E_RANGE || frames.status == EXO_E_MEMORY);
    }
    for (uint32_t at = 1; at < EXO_BOOT_SLOTS; at++) {
        struct exo_cap_info info;
        if (at != EXO_BOOT_CONSOLE && at != EXO_BOOT_RTC && exo_cap_info(at, &info) == EXO_OK)
            check_equal(info.flags & EXO_CAP_DEVICE, 0);
    }
}

/* A device's capability is none of memory. */
static void
device_cannot_be_mapped(void)
{
    struct exo_map entry = {rt_va_take(1, 0), EXO_BOOT_DEVICE, 0, 1, EXO_PROT_READ};
    check_equal(exo_map(EXO_SELF, &entry, 1, 0).status, EXO_E_TYPE);
}

static const struct test tests[] = {
    TEST(devices_are_those_of_the_machine_in_their_order),
    TEST(features_are_those_that_the_kernel_can_check),
    TEST(queues_are_those_that_can_be_used),
    TEST(configuration_is_what_the_device_has),
    TEST(configuration_ends_where_it_ends),
    TEST(device_calls_refuse_bad_slots_rights_and_addresses),
    TEST(device_cannot_be_widened_or_split),
    TEST(changes_of_the_configuration_are_told_to_one),
    TEST(holder_is_told_of_changes_of_the_configuration),
    TEST(registers_are_nobodys),
    TEST(device_cannot_be_mapped),
};

int
main(void)
{
    return test_main(tests, sizeof(tests) / sizeof(tests[0]));
}
