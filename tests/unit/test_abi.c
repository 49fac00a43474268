/*
 * The golden layout of what programs and the kernel share (exo/abi.h), and of the boot image
 * (exo/bootimage.h). A line changes only together with EXO_ABI_VERSION or BOOT_VERSION, since
 * programs and images that were built before would be read wrongly.
 */
#include <exo/abi.h>
#include <exo/bootimage.h>

#include "tap.h"

#include <stddef.h>
#include <string.h>

struct golden {
    const char *name;
    size_t actual, expected;
};
#define SIZE(type, bytes)            {"sizeof " #type, sizeof(struct type), (bytes)}
#define MEMBER(type, member, offset) {#type "." #member, offsetof(struct type, member), (offset)}

static const struct golden layout[] = {
    SIZE(exo_map, 24),
    MEMBER(exo_map, va, 0),
    MEMBER(exo_map, slot, 8),
    MEMBER(exo_map, first, 12),
    MEMBER(exo_map, pages, 16),
    MEMBER(exo_map, prot, 20),
    SIZE(exo_limits, 24),
    MEMBER(exo_limits, size, 0),
    MEMBER(exo_limits, version, 4),
    MEMBER(exo_limits, limit, 8),
    SIZE(exo_cell_info, 72),
    MEMBER(exo_cell_info, size, 0),
    MEMBER(exo_cell_info, version, 4),
    MEMBER(exo_cell_info, limit, 8),
    MEMBER(exo_cell_info, own, 24),
    MEMBER(exo_cell_info, carved, 40),
    MEMBER(exo_cell_info, depth, 56),
    MEMBER(exo_cell_info, dying_objects, 60),
    MEMBER(exo_cell_info, repossessed_frames, 64),
    SIZE(exo_cap_info, 48),
    MEMBER(exo_cap_info, size, 0),
    MEMBER(exo_cap_info, version, 4),
    MEMBER(exo_cap_info, type, 8),
    MEMBER(exo_cap_info, rights, 10),
    MEMBER(exo_cap_info, flags, 12),
    MEMBER(exo_cap_info, base_or_badge, 16),
    MEMBER(exo_cap_info, count, 24),
    MEMBER(exo_cap_info, generation, 28),
    MEMBER(exo_cap_info, object, 32),
    MEMBER(exo_cap_info, depth, 40),
    MEMBER(exo_cap_info, reserved, 44),
    SIZE(exo_context, 272),
    MEMBER(exo_context, x, 0),
    MEMBER(exo_context, sp, 248),
    MEMBER(exo_context, pc, 256),
    MEMBER(exo_context, pstate, 264),
    SIZE(exo_repossessed, 16),
    MEMBER(exo_repossessed, base, 0),
    MEMBER(exo_repossessed, count, 8),
    MEMBER(exo_repossessed, resource, 12),
    SIZE(exo_control, 896),
    MEMBER(exo_control, size, 0),
    MEMBER(exo_control, version, 4),
    MEMBER(exo_control, upcall_entry, 8),
    MEMBER(exo_control, upcall_stack, 16),
    MEMBER(exo_control, event_mask, 24),
    MEMBER(exo_control, inside, 32),
    MEMBER(exo_control, reserved, 36),
    MEMBER(exo_control, events, 40),
    MEMBER(exo_control, cpu, 48),
    MEMBER(exo_control, vcpu, 52),
    MEMBER(exo_control, slot_end, 56),
    MEMBER(exo_control, own_slots, 64),
    MEMBER(exo_control, own_lost, 72),
    MEMBER(exo_control, own_ticks, 80),
    MEMBER(exo_control, lent_ticks, 88),
    MEMBER(exo_control, upcalls, 96),
    MEMBER(exo_control, repossessed, 104),
    MEMBER(exo_control, repossessed_list, 112),
    MEMBER(exo_control, saved, 624),
    SIZE(exo_cpu_info, 664),
    MEMBER(exo_cpu_info, size, 0),
    MEMBER(exo_cpu_info, version, 4),
    MEMBER(exo_cpu_info, cpu, 8),
    MEMBER(exo_cpu_info, slots, 12),
    MEMBER(exo_cpu_info, owner, 16),
    MEMBER(exo_cpu_info, given, 272),
    MEMBER(exo_cpu_info, lent, 400),
    MEMBER(exo_cpu_info, lost, 528),
    MEMBER(exo_cpu_info, idle_ticks, 656),
    SIZE(exo_descriptor, 24),
    MEMBER(exo_descriptor, id, 0),
    MEMBER(exo_descriptor, region, 2),
    MEMBER(exo_descriptor, flags, 4),
    MEMBER(exo_descriptor, operation, 6),
    MEMBER(exo_descriptor, offset, 8),
    MEMBER(exo_descriptor, length, 12),
    MEMBER(exo_descriptor, sector, 16),
    SIZE(exo_used, 8),
    MEMBER(exo_used, id, 0),
    MEMBER(exo_used, length, 4),
    SIZE(exo_ring, 2816),
    MEMBER(exo_ring, size, 0),
    MEMBER(exo_ring, version, 4),
    MEMBER(exo_ring, entries, 8),
    MEMBER(exo_ring, ids, 10),
    MEMBER(exo_ring, state, 12),
    MEMBER(exo_ring, start, 16),
    MEMBER(exo_ring, used_flags, 64),
    MEMBER(exo_ring, used_index, 66),
    MEMBER(exo_ring, used, 68),
    MEMBER(exo_ring, status, 2560),
    SIZE(exo_queue_info, 88),
    MEMBER(exo_queue_info, size, 0),
    MEMBER(exo_queue_info, version, 4),
    MEMBER(exo_queue_info, type, 8),
    MEMBER(exo_queue_info, state, 12),
    MEMBER(exo_queue_info, entries, 16),
    MEMBER(exo_queue_info, ids, 20),
    MEMBER(exo_queue_info, in_flight, 24),
    MEMBER(exo_queue_info, regions, 28),
    MEMBER(exo_queue_info, first, 32),
    MEMBER(exo_queue_info, count, 40),
    MEMBER(exo_queue_info, submitted, 48),
    MEMBER(exo_queue_info, completed, 56),
    MEMBER(exo_queue_info, interrupts, 64),
    MEMBER(exo_queue_info, masked, 72),
    MEMBER(exo_queue_info, dropped, 80),
    SIZE(exo_trace_event, 32),
    MEMBER(exo_trace_event, ticks, 0),
    MEMBER(exo_trace_event, kind, 8),
    MEMBER(exo_trace_event, cpu, 10),
    MEMBER(exo_trace_event, env, 12),
    MEMBER(exo_trace_event, a, 16),
    MEMBER(exo_trace_event, b, 24),
    SIZE(exo_device_info, 120),
    MEMBER(exo_device_info, size, 0),
    MEMBER(exo_device_info, version, 4),
    MEMBER(exo_device_info, type, 8),
    MEMBER(exo_device_info, state, 12),
    MEMBER(exo_device_info, offered, 16),
    MEMBER(exo_device_info, accepted, 24),
    MEMBER(exo_device_info, queues, 32),
    MEMBER(exo_device_info, config_bytes, 36),
    MEMBER(exo_device_info, requester, 40),
    MEMBER(exo_device_info, reserved, 44),
    MEMBER(exo_device_info, queue_entries, 48),
    MEMBER(exo_device_info, object, 112),
    SIZE(exo_machine_info, 64),
    MEMBER(exo_machine_info, size, 0),
    MEMBER(exo_machine_info, version, 4),
    MEMBER(exo_machine_info, cpus, 8),
    MEMBER(exo_machine_info, features, 12),
    MEMBER(exo_machine_info, counter_hz, 16),
    MEMBER(exo_machine_info, frames, 24),
    MEMBER(exo_machine_info, frames_free, 32),
    MEMBER(exo_machine_info, kernel_frames, 40),
    MEMBER(exo_machine_info, image_bytes, 48),
    MEMBER(exo_machine_info, boot_ticks, 56),
    SIZE(exo_boot_info, 1152),
    MEMBER(exo_boot_info, size, 0),
    MEMBER(exo_boot_info, version, 4),
    MEMBER(exo_boot_info, machine, 8),
    MEMBER(exo_boot_info, image_bytes, 72),
    MEMBER(exo_boot_info, data_frames, 80),
    MEMBER(exo_boot_info, device_tree_bytes, 88),
    MEMBER(exo_boot_info, cmdline_bytes, 92),
    MEMBER(exo_boot_info, seed, 96),
    MEMBER(exo_boot_info, cmdline, 128),
    SIZE(boot_header, 40),
    MEMBER(boot_header, magic, 0),
    MEMBER(boot_header, version, 8),
    MEMBER(boot_header, header_bytes, 12),
    MEMBER(boot_header, total_pages, 16),
    MEMBER(boot_header, segment_count, 20),
    MEMBER(boot_header, module_count, 24),
    MEMBER(boot_header, init_entry, 32),
    SIZE(boot_segment, 40),
    MEMBER(boot_segment, va, 0),
    MEMBER(boot_segment, file_offset, 8),
    MEMBER(boot_segment, file_bytes, 16),
    MEMBER(boot_segment, mem_bytes, 24),
    MEMBER(boot_segment, prot, 32),
    SIZE(boot_module, 96),
    MEMBER(boot_module, name, 0),
    MEMBER(boot_module, offset, 48),
    MEMBER(boot_module, bytes, 56),
    MEMBER(boot_module, sha256, 64),
};

struct number {
    const char *name;
    long long value;
};
#define NAME_VALUE(name, value, text)        {#name, (value)},
#define NAME_NUMBER(number, name, arguments) {#name, (number)},

static const struct number errors[] = {EXO_ERRORS(NAME_VALUE)};
static const struct number calls[] = {EXO_CALLS(NAME_NUMBER)};

/* In order: an error or a call keeps its number for ever. */
static const char *const error_names[] = {
    "CALL",     "ARG",   "RANGE",  "ALIGN", "FAULT", "SLOT",    "TYPE", "RIGHT", "GONE",
    "OCCUPIED", "LIMIT", "MEMORY", "BUSY",  "AGAIN", "TIMEOUT", "WX",   "STATE", "RESET",
};
static const char *const call_names[] = {
    "null",
    "resume",
    "wait",
    "yield",
    "cap_copy",
    "cap_move",
    "cap_drop",
    "cap_revoke",
    "cap_info",
    "cap_extend",
    "cell_create",
    "cell_limits",
    "cell_info",
    "cell_reap",
    "cell_reclaim",
    "frames_alloc",
    "frames_split",
    "map",
    "unmap",
    "protect",
    "env_create",
    "env_stop",
    "env_start",
    "env_supervise",
    "env_read",
    "env_write",
    "vcpu_create",
    "vcpu_start",
    "vcpu_stop",
    "vcpu_get",
    "vcpu_set",
    "vcpu_config",
    "cpu_assign",
    "cpu_info",
    "notification_create",
    "notification_bind",
    "notify",
    "endpoint_create",
    "call",
    "receive",
    "reply",
    "reply_receive",
    "trace_read",
    "trace_control",
    "machine_info",
    "machine_power",
    "machine_audit",
    "irq_open",
    "irq_bind",
    "irq_ack",
    "device_info",
    "device_config",
    "device_open",
    "device_close",
    "queue_open",
    "queue_region",
    "queue_release",
    "queue_submit",
    "queue_info",
};

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static void
structures_have_the_golden_layout(void)
{
    CHECK_EQ(EXO_ABI_VERSION, 1);
    CHECK_EQ(BOOT_VERSION, 1);
    for (size_t i = 0; i < LENGTH(layout); i++) {
        if (layout[i].actual != layout[i].expected)
            printf("# %s\n", layout[i].name);
        CHECK_EQ(layout[i].actual, layout[i].expected);
    }
}

static void
control_page_fits_into_a_page(void)
{
    CHECK(sizeof(struct exo_control) <= EXO_PAGE_BYTES);
}

static void
errors_keep_their_numbers(void)
{
    CHECK_EQ(LENGTH(errors), LENGTH(error_names));
    for (size_t i = 0; i < LENGTH(errors); i++) {
        CHECK_EQ(errors[i].value, -(long long)i - 1);
        CHECK(strcmp(errors[i].name, error_names[i]) == 0);
    }
}

static void
calls_keep_their_numbers(void)
{
    CHECK_EQ(LENGTH(calls), LENGTH(call_names));
    CHECK_EQ(LENGTH(calls), EXO_CALL_COUNT);
    for (size_t i = 0; i < LENGTH(calls); i++) {
        CHECK_EQ(calls[i].value, i);
        CHECK(strcmp(calls[i].name, call_names[i]) == 0);
    }
}

static const struct tap_test tests[] = {
    TAP(structures_have_the_golden_layout),
    TAP(control_page_fits_into_a_page),
    TAP(errors_keep_their_numbers),
    TAP(calls_keep_their_numbers),
};
TAP_MAIN(tests)
