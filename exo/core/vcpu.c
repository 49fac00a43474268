/* vCPUs: making, stopping, configuring, and ending them. */
#include "core/vcpu.h"

#include "arch/arch.h"
#include "core/cell.h"
#include "core/endpoint.h"
#include "core/sched.h"

static err_t
map_control(struct vcpu *vcpu)
{
    struct vspace *space = &vcpu->env->space;
    uint32_t budget = 1;
    uint64_t done;
    HOLD(&space->lock);
    return vspace_map(space, vcpu->control_va, frame_from_kernel(vcpu->control), 1,
                      EXO_PROT_READ | EXO_PROT_WRITE, VSPACE_CONTROL, &budget, &done);
}

static void
unmap_control(struct vcpu *vcpu)
{
    struct vspace *space = &vcpu->env->space;
    uint64_t done;
    HOLD(&space->lock);
    ensure(vspace_unmap(space, vcpu->control_va, 1, true, &done) == EXO_OK);
}

static void
vcpu_init(struct vcpu *vcpu, struct env *env, const struct vcpu_start *start)
{
    vcpu->env = env;
    vcpu->cpu = start->cpu;
    vcpu->run_queue = &cpus[start->cpu].run_queue;
    vcpu->control_va = start->control_va;
    vcpu->state = VCPU_READY;
    vcpu->held = true;
    vcpu->deadline = EXO_FOREVER;
    vcpu->cap_send = vcpu->cap_receive = EXO_NONE;
    vcpu->sve_bytes = 16;
    vcpu->context.x[0] = start->argument;
    vcpu->context.pc = start->entry;
    vcpu->context.sp = start->stack;
}

/* In the environment's list; EXO_E_LIMIT when it has too many, EXO_E_GONE when it ends. */
static err_t
join_env(struct vcpu *vcpu)
{
    struct env *env = vcpu->env;
    HOLD(&env->lock);
    if (env->origin.doomed)
        return EXO_E_GONE;
    if (env->vcpu_count == ENV_VCPUS_MAX)
        return EXO_E_LIMIT;
    vcpu->number = env->next_vcpu++;
    vcpu->control->vcpu = vcpu->number;
    vcpu->env_next = env->vcpus;
    env->vcpus = vcpu;
    env->vcpu_count++;
    return EXO_OK;
}

static void
leave_env(struct vcpu *vcpu)
{
    struct env *env = vcpu->env;
    HOLD(&env->lock);
    struct vcpu **link = &env->vcpus;
    while (*link != vcpu)
        link = &(*link)->env_next;
    *link = vcpu->env_next;
    env->vcpu_count--;
}

/* The vCPU that takes its cell's revoke upcalls becomes `to`, if it is `from`. */
static void
pass_handler(struct cell *cell, const struct vcpu *from, struct vcpu *to)
{
    HOLD(&cell->lock);
    if (cell->revoke_handler == from)
        cell->revoke_handler = to;
}

static err_t
equip(struct vcpu *vcpu)
{
    struct cell *cell = vcpu->env->origin.cell;
    void *frame;
    TRY(cell_take_frames(cell, cell, 1, &frame));
    struct exo_control *control = vcpu->control = frame;
    control->size = sizeof(*control);
    control->version = EXO_ABI_VERSION;
    control->inside = 1;
    control->cpu = vcpu->cpu;
    err_t err = map_control(vcpu);
    if (err == EXO_OK) {
        err = join_env(vcpu);
        if (err != EXO_OK)
            unmap_control(vcpu);
    }
    if (err != EXO_OK)
        cell_put_frames(cell, control, 1);
    return err;
}

err_t
vcpu_create(struct env *env, const struct vcpu_start *start, struct vcpu **vcpu)
{
    struct cell *cell = env->origin.cell;
    void *object;
    TRY(cell_new_object(cell, EXO_TYPE_VCPU, sizeof(struct vcpu), &object));
    *vcpu = object;
    vcpu_init(*vcpu, env, start);
    err_t err = equip(*vcpu);
    if (err == EXO_OK)
        pass_handler(cell, NULL, *vcpu); /* the first one, until another is named */
    else
        cell_put_object(cell, object);
    return err;
}

void
vcpu_unequip(struct vcpu *vcpu)
{
    struct cell *cell = vcpu->env->origin.cell;
    pass_handler(cell, vcpu, NULL);
    unmap_control(vcpu);
    cell_put_frames(cell, vcpu->control, 1);
    vcpu->control = NULL;
    leave_env(vcpu);
}

void
vcpu_release(struct vcpu *vcpu)
{
    HOLD(&vcpu->run_queue->lock);
    vcpu->held = false;
    rq_unpark(vcpu);
}

err_t
vcpu_hold(struct vcpu *vcpu)
{
    HOLD(&vcpu->run_queue->lock);
    vcpu->held = true;
    rq_unready(vcpu);
    if (cpus[vcpu->cpu].current != vcpu)
        return EXO_OK;
    sched_poke(vcpu->cpu);
    return vcpu->cpu != this_cpu()->number ? EXO_E_AGAIN : EXO_OK;
}

bool
vcpu_is_still(const struct vcpu *vcpu)
{
    return (!vcpu_may_run(vcpu) || vcpu->state == VCPU_FAULTED) && cpus[vcpu->cpu].current != vcpu;
}

/* --- SVE: longer vectors need a larger area, which the cell pays for -----------------------------
 */

/* FPSR, FPCR, then Z0..Z31, P0..P15 and FFR at this vector length. */
static uint32_t
sve_area_frames(uint32_t bytes)
{
    return (uint32_t)pages_for(16 + 32 * bytes + 17 * ((bytes / 8 + 15) & ~15u));
}

static void
put_sve(struct vcpu *vcpu)
{
    if (vcpu->sve_frames > 0)
        cell_put_frames(vcpu->env->origin.cell, vcpu->sve_state, vcpu->sve_frames);
}

/*
 * Registers start at zero at the new length. Only for the vCPU that runs: then no other CPU has
 * its registers, or is saving them.
 */
err_t
vcpu_set_sve(struct vcpu *vcpu, uint32_t bytes)
{
    struct cell *cell = vcpu->env->origin.cell;
    void *area = NULL;
    uint32_t frames = bytes > 16 ? sve_area_frames(bytes) : 0;
    if (bytes < 16 || bytes > arch_sve_bytes_max() || (bytes & (bytes - 1)) != 0)
        return EXO_E_ARG;
    if (this_cpu()->current != vcpu)
        return EXO_E_STATE;
    if (frames > 0)
        TRY(cell_take_frames(cell, cell, frames, &area));
    arch_fp_forget(vcpu);
    put_sve(vcpu);
    vcpu->sve_state = area;
    vcpu->sve_frames = frames;
    vcpu->sve_bytes = bytes;
    memset(&vcpu->fp, 0, sizeof(vcpu->fp));
    return EXO_OK;
}

/* --- The end
 * ---------------------------------------------------------------------------------------- */

/* It was dropped or its environment ends: off its CPU first, then out of every structure. */
err_t
vcpu_finish_step(struct vcpu *vcpu)
{
    if (vcpu->control == NULL)
        return EXO_OK;
    (void)vcpu_hold(vcpu);
    if (__atomic_load_n(&cpus[vcpu->cpu].current, __ATOMIC_ACQUIRE) == vcpu)
        return EXO_E_AGAIN; /* also when it is the one that asks: it leaves with this call */
    if (vcpu->end_epoch == 0) {
        if (endpoint_forget(vcpu) == EXO_OK) {
            sched_forget(vcpu);
            arch_fp_forget(vcpu);
            vcpu->end_epoch = epoch_advance();
        }
        return EXO_E_AGAIN;
    }
    if (!epoch_passed(vcpu->end_epoch))
        return EXO_E_AGAIN; /* its CPU may be saving its registers */
    put_sve(vcpu);
    vcpu_unequip(vcpu);
    return EXO_OK;
}
