/* A worker's life. */
#include "worker.h"

#define FP_PATTERN 0x4000000000001234ull

/* How many of x1 to x6 each call gives back; all others must be as they were. */
static const uint8_t results[EXO_CALL_COUNT] = {
    [EXO_CALL_cell_reclaim] = 1,  [EXO_CALL_frames_alloc] = 2, [EXO_CALL_map] = 1,
    [EXO_CALL_unmap] = 1,         [EXO_CALL_protect] = 1,      [EXO_CALL_env_read] = 1,
    [EXO_CALL_env_write] = 1,     [EXO_CALL_call] = 5,         [EXO_CALL_receive] = 6,
    [EXO_CALL_reply_receive] = 6, [EXO_CALL_trace_read] = 2,   [EXO_CALL_machine_audit] = 1,
    [EXO_CALL_device_open] = 1,   [EXO_CALL_queue_region] = 1, [EXO_CALL_queue_submit] = 2,
};

static void
check_registers(struct fuzz_call *call)
{
    unsigned known = call->number < EXO_CALL_COUNT ? results[call->number] : 0;
    for (unsigned i = known + 1; i <= 6; i++)
        call->broken |= call->result[i] != call->x[i] ? 1ull << i : 0;
    if (call->broken != 0 && now.shared->broken == 0) {
        now.shared->broken = call->broken;
        memcpy(now.shared->broken_call, call, sizeof(now.shared->broken_call));
    }
}

static void
check_fp(const struct fuzz_call *call)
{
    bool reset = call->number == EXO_CALL_vcpu_config && call->x[1] == EXO_VCPU_SVE_BYTES;
    if (reset) {
        fuzz_fp_fill(FP_PATTERN + now.shared->worker);
    } else if (one_in(8) && fuzz_fp_wrong(FP_PATTERN + now.shared->worker) != 0) {
        now.shared->broken_fp++;
        fuzz_fp_fill(FP_PATTERN + now.shared->worker);
    }
}

static bool
may_resume(const struct fuzz_call *call)
{
    uint64_t context = exo_address(&context_buffer);
    return (call->number == EXO_CALL_resume && call->x[0] == context) ||
           (call->number == EXO_CALL_map && call->x[3] == context);
}

/* Every page of the batch is mapped: the call did not return. */
static void
note_resumed(struct fuzz_call *call)
{
    memcpy(call->result, call->x, sizeof(call->result));
    call->result[0] = EXO_OK;
    call->broken = 0;
    if (call->number == EXO_CALL_map)
        call->result[1] = EXO_MAP_PAGES_MAX;
}

static void
trap(struct fuzz_call *call)
{
    if (may_resume(call) && fuzz_save(&context_buffer) != 0) {
        note_resumed(call);
        return;
    }
    fuzz_svc(call);
    check_registers(call);
}

int64_t
perform(struct fuzz_call *call)
{
    struct fuzz_page *shared = now.shared;
    memcpy(shared->last, call, sizeof(shared->last));
    atomic_fetch_add_explicit(&shared->calls, 1, memory_order_relaxed);
    shared->phase = FUZZ_IN_CALL;
    trap(call);
    shared->phase = FUZZ_OUTSIDE;
    int64_t status = (int64_t)call->result[0];
    uint64_t result = (uint64_t)-status < FUZZ_RESULTS ? (uint64_t)-status : FUZZ_RESULTS - 1;
    shared->count[fuzz_line(call->number)][result]++;
    check_fp(call);
    learn(call);
    return status;
}

/* Somebody who serves, or calls, at an endpoint that all have, so that many meet. */
static void
employ_victim(void)
{
    bool serves = now.shared->worker % 2 == 0;
    const char *code = serves ? fuzz_victim_serve : fuzz_victim_call;
    uint32_t cpu = (now.shared->worker + 1) % now.shared->cpus;
    uint64_t entry = CODE_VA + (uint64_t)(code - fuzz_code_begin);
    (void)rt_map_pages(CODE_VA, FUZZ_SLOT_CODE, 0, 1, EXO_PROT_READ | EXO_PROT_EXEC);
    (void)exo_vcpu_create(EXO_SELF, FUZZ_SLOT_VICTIM, cpu, CONTROL_VA + CONTROLS * PAGE, entry, 0,
                          FUZZ_SLOT_ENDPOINT + !serves);
    (void)exo_vcpu_start(FUZZ_SLOT_VICTIM);
}

/* The names of what must not be stopped, so that copies are known; a table of SLOTS. */
static void
prepare(void)
{
    struct fuzz_call call = {.number = EXO_CALL_cap_info, .x = {0, exo_address(&info_buffer)}};
    for (uint32_t page = 1; page < SLOTS / EXO_CAPS_PER_PAGE; page++)
        (void)exo_cap_extend(EXO_SELF, page);
    call.x[0] = EXO_BOOT_VCPU;
    (void)perform(&call);
    call.x[0] = EXO_BOOT_ENV;
    (void)perform(&call);
    employ_victim();
}

int
fuzz_worker(uint64_t worker)
{
    struct fuzz_call call = {0};
    (void)worker;
    if (rt_map_pages(FUZZ_VA, FUZZ_SLOT_PAGE, 0, FUZZ_PAGES, EXO_PROT_READ | EXO_PROT_WRITE) !=
        EXO_OK) {
        return 1;
    }
    state_begin((struct fuzz_page *)(uintptr_t)FUZZ_VA);
    acts_begin();
    fuzz_fp_fill(FP_PATTERN + now.shared->worker);
    prepare();
    for (;;) {
        if (one_in(6)) {
            act();
        } else {
            generate(&call);
            (void)perform(&call);
        }
    }
}
