/* The vCPUs of a program, and its first thread. */
#include "private.h"

struct sched_vcpu sched_vcpu_list[SCHED_VCPUS_MAX];
static uint32_t vcpu_count;
static _Atomic uint32_t prepared; /* of the further vCPUs */
static int (*first_entry)(void);

uint32_t
sched_vcpus(void)
{
    return vcpu_count;
}

uint32_t
sched_vcpu(void)
{
    return this_vcpu()->number;
}

uint32_t
sched_vcpu_slot(void)
{
    const struct sched_vcpu *vcpu = this_vcpu();
    return vcpu->number == 0 ? EXO_BOOT_VCPU : vcpu->vcpu.slot;
}

struct sched_counts
sched_counts(void)
{
    return this_vcpu()->counts;
}

struct sched_entries
sched_entries(void)
{
    struct sched_entries sum = {0, 0};
    for (uint32_t i = 0; i < vcpu_count; i++) {
        struct exo_control *control =
            __atomic_load_n(&sched_vcpu_list[i].control, __ATOMIC_ACQUIRE);
        if (control == NULL)
            continue;
        sum.calls += __atomic_load_n(&rt_vcpu_of(control)->calls, __ATOMIC_RELAXED);
        sum.upcalls += __atomic_load_n(&control->upcalls, __ATOMIC_RELAXED);
    }
    return sum;
}

/* A notification that wakes this vCPU out of exo_wait. The root stays, the copy has the badge. */
static int64_t
make_wake_slot(struct sched_vcpu *vcpu, uint32_t vcpu_slot)
{
    uint32_t root = rt_slot_take();
    vcpu->wake_slot = rt_slot_take();
    int64_t err = exo_notification_create(EXO_BOOT_CELL, root);
    if (err == EXO_OK)
        err = exo_notification_bind(root, vcpu_slot);
    return err == EXO_OK ? exo_cap_copy(root, EXO_SELF, vcpu->wake_slot, EXO_WRITE, EVENT_WAKE, 0)
                         : err;
}

static int64_t
prepare(struct sched_vcpu *vcpu, uint32_t vcpu_slot)
{
    rt_vcpu_of(rt_control())->local = vcpu;
    rt_vcpu_of(rt_control())->threads = &rt_threads_of_sched;
    __atomic_store_n(&vcpu->control, rt_control(), __ATOMIC_RELEASE);
    vcpu->stack_top = rt_vcpu_of(rt_control())->stack_top;
    vcpu->will_look = true;
    int64_t err = make_wake_slot(vcpu, vcpu_slot);
    return err == EXO_OK ? policy_start(vcpu) : err;
}

/* The rest of this stack is given up: it begins anew at its top. */
static void
leave_to_threads(struct thread *unused)
{
    (void)unused;
    run_next();
}

static _Noreturn void
become_scheduler(void)
{
    switch_stack(this_vcpu()->stack_top, NULL, leave_to_threads);
}

static void
vcpu_main(void *argument)
{
    struct sched_vcpu *vcpu = argument;
    section_enter();
    if (prepare(vcpu, vcpu->vcpu.slot) != EXO_OK) {
        rt_printf("# sched: vCPU %u cannot start: too few frames or capability slots\n",
                  vcpu->number);
        rt_exit(RT_EXIT_FAULT);
    }
    atomic_fetch_add(&prepared, 1);
    become_scheduler();
}

/*
 * They have all that they need before the program begins: it might take the last frames, or end,
 * while one still looks for its own.
 */
static int64_t
start_others(void)
{
    for (uint32_t i = 1; i < vcpu_count; i++) {
        struct sched_vcpu *vcpu = &sched_vcpu_list[i];
        int64_t err = rt_vcpu_make(i % rt_machine.cpus, vcpu_main, vcpu, &vcpu->vcpu);
        if (err == EXO_OK)
            err = exo_vcpu_start(vcpu->vcpu.slot);
        if (err != EXO_OK)
            return err;
    }
    (void)rt_wait_word(&prepared, vcpu_count - 1, EXO_FOREVER);
    return EXO_OK;
}

static void *
first_thread(void *unused)
{
    (void)unused;
    rt_exit(first_entry());
}

static uint32_t
count_vcpus(uint32_t wanted)
{
    uint32_t most = rt_machine.cpus < SCHED_VCPUS_MAX ? rt_machine.cpus : SCHED_VCPUS_MAX;
    return wanted == 0 || wanted > most ? most : wanted;
}

int
sched_run(const struct sched_parameters *parameters, int (*main_thread)(void))
{
    struct thread *thread;
    const struct thread_attributes first = {
        .vcpu = 0, .stack_bytes = parameters->stack_bytes, .detached = 1};
    first_entry = main_thread;
    vcpu_count = count_vcpus(parameters->vcpus);
    for (uint32_t i = 0; i < vcpu_count; i++)
        sched_vcpu_list[i].number = i;
    int64_t err = start_others();
    section_enter(); /* no upcall may come between the handlers and the first thread */
    if (err == EXO_OK)
        err = prepare(&sched_vcpu_list[0], EXO_BOOT_VCPU);
    if (err == EXO_OK)
        err = thread_create(&thread, &first, first_thread, NULL);
    if (err == EXO_OK)
        become_scheduler();
    section_leave();
    rt_printf("# sched: cannot start: %s\n", exo_error_text(err));
    return (int)err;
}
