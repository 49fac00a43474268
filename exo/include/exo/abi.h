/*
 * The contract between the exokernel and every program.
 *
 * A system call is `svc #0` with the call's number in x8 and its arguments in x0 to x7. On
 * return x0 holds 0 or a negative enum exo_err, and x1 to x6 the further results that the call
 * defines; every other register, PSTATE, SP and all FP/SIMD state are as before.
 * docs/reference/system-calls.md describes each call with its arguments and errors; a test keeps
 * it and this header in step.
 *
 * Conventions
 *   slot      index into the caller's capability table; EXO_SELF in an environment argument
 *             stands for the calling environment, EXO_NONE for "no capability"
 *   va        a virtual address of EL0, below EXO_VA_END
 *   pfn       a physical frame number: physical address / EXO_PAGE_BYTES
 *   ticks     the counter CNTVCT_EL0, which EL0 reads itself; its rate is CNTFRQ_EL0. Deadlines
 *             are absolute; EXO_FOREVER never comes
 *   again     a call that needs more steps than one call may take returns EXO_E_AGAIN having
 *             made progress; the caller repeats it unchanged until it returns something else (map,
 *             unmap and protect: from where it stopped, x1 pages on)
 *
 * Every structure here is little-endian, naturally aligned, and begins with its size and version
 * where it is shared or may grow (tests/unit/test_abi.c holds the golden offsets).
 */
#ifndef EXO_ABI_H
#define EXO_ABI_H

#include <stdint.h>

#define EXO_ABI_VERSION 1

#define EXO_PAGE_SHIFT  12
#define EXO_PAGE_BYTES  4096
#define EXO_BLOCK_PAGES 512 /* pages of a 2 MiB block mapping */
#define EXO_VA_START    0x10000ull
#define EXO_VA_END      0x8000000000ull /* 39 bits */

#define EXO_SELF    0xffffffffu
#define EXO_NONE    0xfffffffeu
#define EXO_FOREVER UINT64_MAX

/*
 * Errors. X(name, value, text); one text each. A call that fails has changed nothing unless its
 * description says otherwise.
 */
#define EXO_ERRORS(X)                                                                          \
    X(CALL, -1, "no such system call")                                                         \
    X(ARG, -2, "an argument has a value that the call does not define")                        \
    X(RANGE, -3, "outside of the object or the address space")                                 \
    X(ALIGN, -4, "not aligned as the call needs it")                                           \
    X(FAULT, -5, "user memory could not be read or written")                                   \
    X(SLOT, -6, "the capability slot is empty or does not exist")                              \
    X(TYPE, -7, "the capability is of another type")                                           \
    X(RIGHT, -8, "the capability lacks a right")                                               \
    X(GONE, -9, "the object is being destroyed or the capability was revoked")                 \
    X(OCCUPIED, -10, "the slot or address is in use")                                          \
    X(LIMIT, -11, "a limit of the cell or of a table is reached")                              \
    X(MEMORY, -12, "the machine has no free frames of that shape")                             \
    X(BUSY, -13, "a revocation is under way in this derivation tree, or the object is in use") \
    X(AGAIN, -14, "progress was made; call again")                                             \
    X(TIMEOUT, -15, "the deadline passed")                                                     \
    X(WX, -16, "a frame would be writable and executable")                                     \
    X(STATE, -17, "the object is not in the state that the call needs")                        \
    X(RESET, -18, "the device was reset: open its queues again")

enum exo_err {
    EXO_OK = 0,
#define EXO_ERR_ENUM(name, value, text) EXO_E_##name = (value),
    EXO_ERRORS(EXO_ERR_ENUM)
#undef EXO_ERR_ENUM
};

/* Capability types. */
enum exo_type {
    EXO_TYPE_NONE = 0,
    EXO_TYPE_CELL = 1,
    EXO_TYPE_ENV = 2,
    EXO_TYPE_VCPU = 3,
    EXO_TYPE_FRAMES = 4,
    EXO_TYPE_ENDPOINT = 5,
    EXO_TYPE_NOTIFICATION = 6,
    EXO_TYPE_IRQ = 7,     /* interrupts: all of them, some, or one that is open */
    EXO_TYPE_DEVICE = 8,  /* a virtio device: all indices of queues, or some */
    EXO_TYPE_QUEUE = 9,   /* one of its virtqueues */
    EXO_TYPE_EXTENT = 10, /* the same of a block device, for a range of sectors */
    EXO_TYPE_PORT = 11,   /* one direction of one MAC of a NIC with ports */
    EXO_TYPE_CPU = 12,
    EXO_TYPE_TRACE = 13,
    EXO_TYPE_MACHINE = 14,
    EXO_TYPE_COUNT = 15,
};

/*
 * Rights. Copies may only drop them.
 *
 *   type          READ              WRITE                EXEC         CONTROL
 *   cell          info              allocate, reap       -            limits, reclaim
 *   env           read memory       write memory, map,   -            stop, start, grant into it,
 *                 and registers     make vCPUs                        supervisor endpoint
 *   vcpu          registers         registers            -            start, stop, configure, bind
 *   frames        map readable      map writable         executable   split
 *   endpoint      receive           call                 -            -
 *   notification  -                 notify               -            bind
 *   irq           -                 range: open a line   -            line: bind, acknowledge
 *   device        information,      open its queues      -            open, close; interrupt:
 *                 configuration                                       bind, acknowledge
 *   queue, port   info              regions, submit      -            bind, acknowledge
 *   extent        read sectors      write sectors        flush        discard; any: the rest
 *   cpu           slot vector       assign slots         -            -
 *   trace         read              -                    -            start and stop recording
 *   machine       information       power                -            audit (debug builds)
 */
enum exo_right {
    EXO_READ = 1,
    EXO_WRITE = 2,
    EXO_EXEC = 4,
    EXO_CONTROL = 8,
    EXO_COPY = 16, /* may be copied, granted, and sent through calls */
    EXO_RIGHTS_ALL = 31,
};

/*
 * System calls: X(number, name, arguments). Names in the order of arguments x0, x1, ...
 */
#define EXO_CALLS(X)                                                                \
    X(0, null, "")                                                                  \
    X(1, resume, "context_va")                                                      \
    X(2, wait, "deadline_ticks")                                                    \
    X(3, yield, "")                                                                 \
    X(4, cap_copy, "src, env, dst, rights, base_or_badge, count")                   \
    X(5, cap_move, "src, env, dst")                                                 \
    X(6, cap_drop, "slot")                                                          \
    X(7, cap_revoke, "slot")                                                        \
    X(8, cap_info, "slot, info_va")                                                 \
    X(9, cap_extend, "env, page")                                                   \
    X(10, cell_create, "parent, dst, limits_va")                                    \
    X(11, cell_limits, "cell, limits_va")                                           \
    X(12, cell_info, "cell, info_va")                                               \
    X(13, cell_reap, "cell")                                                        \
    X(14, cell_reclaim, "cell, frames, grace_ticks")                                \
    X(15, frames_alloc, "cell, dst, count, flags, pfn")                             \
    X(16, frames_split, "slot, at, dst")                                            \
    X(17, map, "env, entries_va, entries, context_va")                              \
    X(18, unmap, "env, entries_va, entries")                                        \
    X(19, protect, "env, entries_va, entries")                                      \
    X(20, env_create, "cell, dst")                                                  \
    X(21, env_stop, "env")                                                          \
    X(22, env_start, "env")                                                         \
    X(23, env_supervise, "env, endpoint")                                           \
    X(24, env_read, "env, va, buffer_va, bytes")                                    \
    X(25, env_write, "env, va, buffer_va, bytes")                                   \
    X(26, vcpu_create, "env, dst, cpu, control_va, entry_va, stack_va, argument")   \
    X(27, vcpu_start, "vcpu")                                                       \
    X(28, vcpu_stop, "vcpu")                                                        \
    X(29, vcpu_get, "vcpu, context_va")                                             \
    X(30, vcpu_set, "vcpu, context_va")                                             \
    X(31, vcpu_config, "vcpu, what, value")                                         \
    X(32, cpu_assign, "cpu, first, count, vcpu")                                    \
    X(33, cpu_info, "cpu, info_va")                                                 \
    X(34, notification_create, "cell, dst")                                         \
    X(35, notification_bind, "notification, vcpu")                                  \
    X(36, notify, "notification")                                                   \
    X(37, endpoint_create, "cell, dst")                                             \
    X(38, call, "endpoint, w0, w1, w2, w3, send, receive, deadline_ticks")          \
    X(39, receive, "endpoint, receive, deadline_ticks")                             \
    X(40, reply, "w0, w1, w2, w3, send")                                            \
    X(41, reply_receive, "endpoint, w0, w1, w2, w3, send, receive, deadline_ticks") \
    X(42, trace_read, "trace, cpu, position, buffer_va, events")                    \
    X(43, trace_control, "trace, mask")                                             \
    X(44, machine_info, "machine, info_va")                                         \
    X(45, machine_power, "machine, what, code")                                     \
    X(46, machine_audit, "machine, seed")                                           \
    X(47, irq_open, "cell, dst, irqs, line, flags")                                 \
    X(48, irq_bind, "object, notification")                                         \
    X(49, irq_ack, "object")                                                        \
    X(50, device_info, "device, info_va")                                           \
    X(51, device_config, "device, offset, buffer_va, bytes")                        \
    X(52, device_open, "cell, device, queues, features, ports")                     \
    X(53, device_close, "device")                                                   \
    X(54, queue_open, "cell, dst, device, index, ring_dst, first_or_mac, count")    \
    X(55, queue_region, "queue, frames, first, pages, access")                      \
    X(56, queue_release, "queue, region")                                           \
    X(57, queue_submit, "queue, descriptors_va, count, consumed, arm")              \
    X(58, queue_info, "queue, info_va")

enum exo_call {
#define EXO_CALL_ENUM(number, name, arguments) EXO_CALL_##name = (number),
    EXO_CALLS(EXO_CALL_ENUM)
#undef EXO_CALL_ENUM
        EXO_CALL_COUNT = 59,
};

/* --- Memory ------------------------------------------------------------------------------- */

/* frames_alloc: at most this many frames a call, in one contiguous run (one origin). */
#define EXO_ALLOC_MAX 4096u

enum exo_alloc {
    EXO_ALLOC_ANY = 0,        /* the longest run up to count that is at hand; x2 tells */
    EXO_ALLOC_CONTIGUOUS = 1, /* exactly count */
    EXO_ALLOC_BLOCK = 2,      /* exactly count, first frame 2 MiB aligned */
    EXO_ALLOC_AT = 3,         /* exactly count, beginning at pfn */
};

/* Protection of a mapping (map, protect). W and X together are refused (EXO_E_WX). */
enum exo_prot {
    EXO_PROT_READ = 1,
    EXO_PROT_WRITE = 2,
    EXO_PROT_EXEC = 4,
    EXO_PROT_BLOCK = 8, /* 2 MiB mapping: va, frame and pages multiples of a block */
};

/* map, unmap and protect take at most this many entries and pages; a block counts as 32 pages. */
#define EXO_MAP_ENTRIES_MAX  64u
#define EXO_MAP_BLOCK_WEIGHT 32u
#define EXO_MAP_PAGES_MAX    512u

struct exo_map {
    uint64_t va;
    uint32_t slot;  /* of the *target* environment's table; unmap ignores it */
    uint32_t first; /* first frame, counted from the capability's base; unmap ignores it */
    uint32_t pages; /* 4 KiB pages, also for blocks */
    uint32_t prot;  /* enum exo_prot; 0 in unmap */
};

/* --- Cells -------------------------------------------------------------------------------- */

#define EXO_CELL_DEPTH_MAX    8
#define EXO_GRACE_SECONDS_MAX 60 /* cell_reclaim: the longest grace */

enum exo_resource {
    EXO_RES_FRAMES = 0,    /* 4 KiB frames, kernel objects and page tables included */
    EXO_RES_CAPS = 1,      /* capability slots, a table page at a time */
    EXO_RES_ENVS = 2,      /* environments */
    EXO_RES_CPU_SLOTS = 3, /* CPU slots assigned to its vCPUs */
    EXO_RES_COUNT = 4,
};

struct exo_limits {
    uint32_t size, version;
    uint32_t limit[EXO_RES_COUNT];
};

struct exo_cell_info {
    uint32_t size, version;
    uint32_t limit[EXO_RES_COUNT];  /* limit = own + carved + free at every moment */
    uint32_t own[EXO_RES_COUNT];    /* used by the cell itself, dying objects included */
    uint32_t carved[EXO_RES_COUNT]; /* given to child cells as their limits */
    uint32_t depth, dying_objects;
    uint64_t repossessed_frames; /* taken by force so far */
};

/* --- Capabilities -------------------------------------------------------------------------- */

#define EXO_CAPS_PER_PAGE 64u
#define EXO_CAP_PAGES_MAX 512u

struct exo_cap_info {
    uint32_t size, version;
    uint16_t type, rights;
    uint32_t flags; /* enum exo_cap_flag */
    uint64_t base_or_badge;
    uint32_t count;
    uint32_t generation;
    uint64_t object; /* names the object: equal for two capabilities of the same one */
    uint32_t depth;  /* in its derivation tree; the root has 0 */
    uint32_t reserved;
};

enum exo_cap_flag {
    EXO_CAP_ROOT = 1,     /* the object lives as long as this capability */
    EXO_CAP_MAPPED = 2,   /* was used to map; dropping it unmaps */
    EXO_CAP_CHILDREN = 4, /* others are derived from it */
    EXO_CAP_DEVICE = 8,   /* frames: device registers, not memory */
};

/* --- vCPUs and upcalls --------------------------------------------------------------------- */

/* A thread's registers, as upcalls save them and resume loads them. */
struct exo_context {
    uint64_t x[31];
    uint64_t sp, pc;
    uint64_t pstate; /* resume takes N, Z, C, V, SSBS, DIT and BTYPE; all else is forced */
};

enum exo_upcall {
    EXO_UPCALL_RUN = 0,    /* the vCPU was given a CPU */
    EXO_UPCALL_FAULT = 1,  /* x1 = address, x2 = syndrome (ESR_EL1), x3 = enum exo_access */
    EXO_UPCALL_TRAP = 2,   /* x1 = pc, x2 = syndrome */
    EXO_UPCALL_EVENT = 3,  /* x1 = events & event_mask at that moment */
    EXO_UPCALL_REVOKE = 4, /* x1 = enum exo_resource, x2 = amount, x3 = deadline in ticks */
};

enum exo_access { EXO_ACCESS_READ = 1, EXO_ACCESS_WRITE = 2, EXO_ACCESS_EXEC = 4 };

/* What was taken by force (EXO_UPCALL_REVOKE ignored). Newest at (repossessed - 1) % MAX. */
#define EXO_REPOSSESSED_MAX 32
struct exo_repossessed {
    uint64_t base; /* pfn; of a queue: its object name */
    uint32_t count;
    uint32_t resource; /* enum exo_resource; EXO_RES_COUNT: a queue that kept frames in use */
};

/*
 * The control page of a vCPU: one page of its cell, mapped read-write into its environment at
 * the address given to vcpu_create, and shared with the kernel. TPIDRRO_EL0 holds its address.
 *
 * The kernel reads and writes struct exo_control at the start of the page and nothing behind it:
 * the rest of the page is the program's, zeros at first.
 *
 * The kernel trusts nothing it reads here. An upcall stores the interrupted context in `saved`,
 * sets `inside`, and enters `upcall_entry` with SP = upcall_stack, x0 = enum exo_upcall, x1 to x3
 * as that says, x4 = the address of this page. All other registers still hold the interrupted
 * thread's values, but for the condition flags. While `inside` is not 0 no upcall is made: a slot
 * that begins resumes what ran; a fault or trap goes to the environment's supervisor, and stops
 * the environment if there is none.
 *
 * `resume` clears `inside` and makes the upcall that is due. A program can also leave by itself:
 * store 0 in `inside`, full barrier (DMB ISH), read `events & event_mask`. If that is not 0,
 * wait(0) returns at once, and the upcall is made on its way out. The kernel sets bits, then
 * looks at `inside`, so that one of the two sees the other's store. A `run` or `revoke` upcall that
 * was deferred meanwhile comes at the next entry that chooses (the end of a slot, wait, yield) or
 * `resume`.
 */
struct exo_control {
    uint32_t size, version; /* kernel */

    uint64_t upcall_entry; /* program: 0 = no upcalls yet (a fault stops the environment) */
    uint64_t upcall_stack; /* program */
    uint64_t event_mask;   /* program: bits of `events` that are worth an upcall */
    uint32_t inside;       /* both: 1 = defer upcalls; set by the kernel with each upcall */
    uint32_t reserved;
    uint64_t events; /* both: the kernel ORs bits in, the program takes them by atomic exchange */

    uint32_t cpu;         /* kernel: the CPU that it runs on */
    uint32_t vcpu;        /* kernel: its number in the environment */
    uint64_t slot_end;    /* kernel: ticks when the running slot ends */
    uint64_t own_slots;   /* kernel: slots of its own that it was given, wanting them */
    uint64_t own_lost;    /* kernel: slots of its own that it wanted and was not given */
    uint64_t own_ticks;   /* kernel: time run in slots of its own (or of its caller) ... */
    uint64_t lent_ticks;  /* ... and of others; both billed when the CPU's scheduler looks, to who
                             is current then: a caller's time before a call goes to its server */
    uint64_t upcalls;     /* kernel: upcalls made */
    uint64_t repossessed; /* kernel: entries ever written to the list below */
    struct exo_repossessed repossessed_list[EXO_REPOSSESSED_MAX]; /* kernel */
    struct exo_context saved;                                     /* kernel writes at an upcall */
};

enum exo_vcpu_config {
    EXO_VCPU_PRIORITY = 0,  /* 0 (lowest) to 7, among the vCPUs of one cell on one CPU */
    EXO_VCPU_SVE_BYTES = 1, /* SVE vector length in bytes, 16 to what the CPU has; its own */
    EXO_VCPU_REVOKE = 2, /* 1: takes its cell's revoke upcalls (at first: the cell's first vCPU) */
};
#define EXO_PRIORITY_MAX 7u

/* The message that a supervisor's endpoint receives for a vCPU that faulted `inside`. */
enum exo_fault_message {
    EXO_FAULT_W_KIND = 0,     /* word 0: EXO_UPCALL_FAULT or EXO_UPCALL_TRAP | vcpu number << 32 */
    EXO_FAULT_W_ADDRESS = 1,  /* word 1 */
    EXO_FAULT_W_SYNDROME = 2, /* word 2 */
    EXO_FAULT_W_PC = 3,       /* word 3 */
};

/* --- CPUs ----------------------------------------------------------------------------------- */

#define EXO_CPUS_MAX  8u
#define EXO_CPU_SLOTS 32u /* slots in each CPU's vector */
#define EXO_SLOT_NS   1000000u

struct exo_cpu_info {
    uint32_t size, version;
    uint32_t cpu, slots;
    uint64_t owner[EXO_CPU_SLOTS]; /* object name of the vCPU that owns it, 0 = nobody */
    uint32_t given[EXO_CPU_SLOTS]; /* times the slot began and its owner ran in it */
    uint32_t lent[EXO_CPU_SLOTS];  /* times it began and another ran */
    uint32_t lost[EXO_CPU_SLOTS];  /* times it passed with its owner wanting it, not running */
    uint64_t idle_ticks;
};

/* --- Interrupts ----------------------------------------------------------------------------- */

/* irq_open: how the line signals; without it, by edges. */
enum exo_irq_flag { EXO_IRQ_LEVEL = 1 };

/* More interrupts than this of one line within one slot mask it until that slot is over. */
#define EXO_IRQ_BURST 64u

/* --- Devices -------------------------------------------------------------------------------- */

#define EXO_CONFIG_BYTES_MAX 256u /* of a device's configuration, as far as it can be read */

enum exo_device_state {
    EXO_DEVICE_CLOSED = 0,
    EXO_DEVICE_OPEN = 1, /* its queues can be opened */
    EXO_DEVICE_GONE = 2, /* it was removed, and does not come back */
};

struct exo_device_info {
    uint32_t size, version;
    uint32_t type;              /* virtio device id: 1 network, 2 block, 4 entropy */
    uint32_t state;             /* enum exo_device_state */
    uint64_t offered, accepted; /* feature bits: that can be had, and that the open device has */
    uint32_t queues;            /* virtqueues that may be opened */
    uint32_t config_bytes;      /* of its own configuration that can be read */
    uint32_t requester;         /* where it is: bus << 8 | device << 3 | function */
    uint32_t reserved;
    uint32_t queue_entries[16]; /* that each queue offers, 0 beyond `queues` */
    uint64_t object;            /* its name, as cap_info has it */
};

/* --- Virtqueues ----------------------------------------------------------------------------- */

#define EXO_QUEUE_ENTRIES_MAX 256u
#define EXO_QUEUE_REGIONS_MAX 16u
#define EXO_SUBMIT_MAX        64u /* descriptors a call */
#define EXO_SECTOR_BYTES      512u
#define EXO_PORTS_MAX         6u /* of a NIC */

/*
 * What queue_submit takes: buffers in registered regions. Those of a chain follow each other, each
 * but the last with EXO_DESCRIPTOR_NEXT, what the device reads before what it writes; the id of the
 * first is what completes. To an extent the first also says the operation and the sector.
 */
struct exo_descriptor {
    uint16_t id;        /* the caller's choice among the free ones below `ids` */
    uint16_t region;    /* what queue_region returned */
    uint16_t flags;     /* enum exo_descriptor_flag */
    uint16_t operation; /* enum exo_block_operation; 0 for other queues */
    uint32_t offset;    /* bytes, in the region */
    uint32_t length;
    uint64_t sector; /* counted from the start of the capability's range; 0 for other queues */
};

enum exo_descriptor_flag {
    EXO_DESCRIPTOR_NEXT = 1,  /* the chain goes on */
    EXO_DESCRIPTOR_WRITE = 2, /* the device writes it */
};

/* As virtio 1.2 §5.2.6 numbers them. Flush, discard: a chain of one, without a region. */
enum exo_block_operation {
    EXO_BLOCK_READ = 0,     /* right READ: into buffers that the device writes, whole sectors */
    EXO_BLOCK_WRITE = 1,    /* right WRITE: from buffers that the device reads, whole sectors */
    EXO_BLOCK_FLUSH = 4,    /* right EXEC */
    EXO_BLOCK_DISCARD = 11, /* right CONTROL: `length` bytes from `sector` on */
};

enum exo_ring_state {
    EXO_RING_OPEN = 1,
    EXO_RING_RESET = 2, /* the device was reset: calls say EXO_E_RESET */
    EXO_RING_GONE = 3,  /* it was taken out: EXO_E_GONE */
};

/* What the device has done with a chain. */
struct exo_used {
    uint32_t id;     /* of its first descriptor; of an extent's chain: plus `ids` */
    uint32_t length; /* bytes written to it, says the device; an extent's status byte included */
};

/*
 * The ring page: one read-only page that queue_open shows to the queue's owner. Producer of all
 * from `used_flags` on is the device (virtio 1.2 §2.7.8), consumer the owner: it reads `used_index`
 * with acquire, then the elements [consumed % entries], and tells the kernel of `consumed` in the
 * next queue_submit; until then the ids are in use. What the device writes is checked by nobody
 * before the owner reads it.
 */
struct exo_ring {
    uint32_t size, version;
    uint16_t entries; /* of the virtqueue: a power of two */
    uint16_t ids;     /* that the owner may use: entries, or of an extent entries / 4 */
    uint32_t state;   /* kernel: enum exo_ring_state */
    uint16_t start;   /* the owner's first `consumed` */
    uint16_t reserved[23];
    uint16_t used_flags;
    uint16_t used_index;                             /* chains ever completed, modulo 2^16 */
    struct exo_used used[EXO_QUEUE_ENTRIES_MAX + 1]; /* behind the last entry: the device's own */
    uint8_t unused[436];
    uint8_t status[EXO_QUEUE_ENTRIES_MAX]; /* extents, by id: virtio 1.2 §5.2.6; 0xff: none yet */
};

struct exo_queue_info {
    uint32_t size, version;
    uint32_t type;  /* enum exo_type */
    uint32_t state; /* enum exo_ring_state */
    uint32_t entries, ids;
    uint32_t in_flight; /* chains */
    uint32_t regions;
    uint64_t first, count;         /* extents: the capability's sectors; ports: the MAC, 0 */
    uint64_t submitted, completed; /* chains */
    uint64_t interrupts, masked;   /* of its vector; how often that was masked */
    uint64_t dropped;              /* ports: frames without a buffer */
};

/* --- Trace ---------------------------------------------------------------------------------- */

enum exo_trace_kind {
    EXO_TRACE_CALL = 0,      /* system call: a = number, b = x0 */
    EXO_TRACE_CALL_END = 1,  /* a = number, b = result */
    EXO_TRACE_UPCALL = 2,    /* a = kind, b = x1 */
    EXO_TRACE_SWITCH = 3,    /* a = object name of the vCPU switched to, 0 = idle */
    EXO_TRACE_INTERRUPT = 4, /* a = interrupt number */
    EXO_TRACE_MAP = 5,   /* a = va, b = pages | operation << 32 (map, unmap, protect: 0, 1, 2) */
    EXO_TRACE_FAULT = 6, /* a = address, b = syndrome */
    EXO_TRACE_PROTECTED = 7, /* protected call: a = object name of the server vCPU, b = w0 */
    EXO_TRACE_REVOKE = 8,    /* a = object name, b = phase */
    EXO_TRACE_KINDS = 9,
};

struct exo_trace_event {
    uint64_t ticks;
    uint16_t kind;
    uint16_t cpu;
    uint32_t env; /* number of the environment that ran, 0 = none */
    uint64_t a, b;
};

/* --- Machine -------------------------------------------------------------------------------- */

enum exo_power { EXO_POWER_OFF = 0, EXO_POWER_RESET = 1 };

enum exo_machine_feature {
    EXO_FEATURE_DEBUG = 1, /* debug kernel: machine_audit exists */
    EXO_FEATURE_EL2 = 2,   /* started at EL2 */
    EXO_FEATURE_PAN = 4,
    EXO_FEATURE_BTI = 8,
    EXO_FEATURE_PAC = 16,
    EXO_FEATURE_SVE = 32,
    EXO_FEATURE_RNG = 64,
    EXO_FEATURE_TEST = 128, /* exo.test=1: power off gives the exit code */
    EXO_FEATURE_SHA256 = 256,
    EXO_FEATURE_DOTPROD = 512, /* SDOT */
    EXO_FEATURE_I8MM = 1024,   /* SMMLA */
};

struct exo_machine_info {
    uint32_t size, version;
    uint32_t cpus, features;
    uint64_t counter_hz;
    uint64_t frames, frames_free; /* of RAM */
    uint64_t kernel_frames;       /* that boot took for the kernel itself */
    uint64_t image_bytes;
    uint64_t boot_ticks; /* the counter at the first instruction */
};

/*
 * What init finds. The kernel maps the segments of the boot image's init program (bootimage.h),
 * starts one vCPU on CPU 0 at its entry with `inside` set, x0 = EXO_BOOT_INFO_VA, SP = the top of a
 * stack of EXO_BOOT_STACK_BYTES that ends at EXO_BOOT_STACK_TOP, with a guard page below it, and
 * fills these slots.
 */
#define EXO_BOOT_INFO_VA     0x20000ull /* read-only: struct exo_boot_info, then the device tree */
#define EXO_BOOT_CONTROL_VA  0x30000ull /* control page of the first vCPU */
#define EXO_BOOT_STACK_TOP   0x100000ull
#define EXO_BOOT_STACK_BYTES 0x10000ull

enum exo_boot_slot {
    EXO_BOOT_CELL = 1, /* the root cell: everything that the kernel did not keep */
    EXO_BOOT_ENV = 2,  /* init's own environment */
    EXO_BOOT_VCPU = 3, /* its first vCPU */
    EXO_BOOT_MACHINE = 4,
    EXO_BOOT_TRACE = 5,
    EXO_BOOT_CONSOLE = 6, /* device frames: the PL011's page */
    EXO_BOOT_RTC = 7,     /* device frames: the PL031's page */
    EXO_BOOT_IMAGE = 8,   /* frames, read and execute: the whole boot image */
    EXO_BOOT_DATA = 9,    /* frames: init's data, bss, stack and boot information, in this order */
    EXO_BOOT_IRQ = 10,    /* all shared peripheral interrupts, by INTID */
    EXO_BOOT_CPU = 16,    /* CPU n's whole slot vector is slot 16 + n */
    EXO_BOOT_DEVICE = 32, /* devices, 32 at most, by their requester ids; then empty slots */
    EXO_BOOT_SLOTS = 64,  /* table pages 0 is there; the rest is up to init */
};

#define EXO_BOOT_CMDLINE_BYTES 1024
#define EXO_BOOT_SEED_BYTES    32

struct exo_boot_info {
    uint32_t size, version;
    struct exo_machine_info machine;
    uint64_t image_bytes;              /* of the boot image, in EXO_BOOT_IMAGE */
    uint64_t data_frames;              /* of EXO_BOOT_DATA */
    uint32_t device_tree_bytes;        /* its copy follows this structure on a page of its own */
    uint32_t cmdline_bytes;            /* without the terminating 0 */
    uint8_t seed[EXO_BOOT_SEED_BYTES]; /* entropy; zeros if the machine gave none */
    char cmdline[EXO_BOOT_CMDLINE_BYTES];
};

#endif
