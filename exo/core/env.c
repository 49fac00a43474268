/* Environments: their tables of capabilities, and their end. */
#include "core/env.h"

#include "arch/arch.h"
#include "core/reap.h"
#include "core/sched.h"

#define CLOSE_STEP 32 /* capabilities of a dying table handled in a step */

static _Atomic uint32_t next_number = 1;

/* What an environment begins with, besides its own frame: table directory and page tables. */
static err_t
env_init(struct env *env, struct cell *cell)
{
    void *table;
    lock_init(&env->lock, RANK_ENV);
    env->supervisor.env = env;
    for (int i = 0; i < ENV_PAC_KEYS; i++)
        env->pac_keys[i] = arch_random();
    TRY(cell_charge(cell, EXO_RES_ENVS, 1));
    env->number = atomic_fetch_add(&next_number, 1); /* not 0: it is charged */
    TRY(cell_take_frames(cell, cell, 1, &table));
    env->table = table;
    TRY(vspace_init(&env->space, cell));
    return env_extend_table(env, 0);
}

err_t
env_create(struct cell *cell, struct env **env)
{
    void *object;
    TRY(cell_new_object(cell, EXO_TYPE_ENV, sizeof(struct env), &object));
    *env = object;
    err_t err = env_init(*env, cell);
    if (err != EXO_OK)
        origin_discard(object);
    return err;
}

/* Page tables first, then the capability table. */
err_t
env_unmake_step(struct env *env)
{
    struct cell *cell = env->origin.cell;
    TRY(vspace_destroy(&env->space));
    for (uint32_t page = 0; env->table != NULL && page < EXO_CAP_PAGES_MAX; page++) {
        if (env->table[page] != NULL) {
            cell_put_frames(cell, env->table[page], 1);
            cell_refund(cell, EXO_RES_CAPS, EXO_CAPS_PER_PAGE);
        }
    }
    if (env->table != NULL)
        cell_put_frames(cell, env->table, 1);
    if (env->number != 0)
        cell_refund(cell, EXO_RES_ENVS, 1);
    return EXO_OK;
}

/* Publishes a page of slots; false when another vCPU was faster, or the environment ends. */
static err_t
add_page(struct env *env, uint32_t page, struct cap_slot *slots)
{
    HOLD(&env->lock);
    if (env->origin.doomed)
        return EXO_E_GONE;
    if (env->table[page] != NULL)
        return EXO_E_OCCUPIED;
    __atomic_store_n(&env->table[page], slots, __ATOMIC_RELEASE);
    return EXO_OK;
}

err_t
env_extend_table(struct env *env, uint32_t page)
{
    struct cell *cell = env->origin.cell;
    if (page >= EXO_CAP_PAGES_MAX)
        return EXO_E_RANGE;
    TRY(cell_charge(cell, EXO_RES_CAPS, EXO_CAPS_PER_PAGE));
    void *frame;
    err_t err = cell_take_frames(cell, env, 1, &frame);
    if (err == EXO_OK) {
        struct cap_slot *slots = frame;
        for (uint32_t i = 0; i < EXO_CAPS_PER_PAGE; i++)
            slots[i].env = env;
        err = add_page(env, page, slots);
        if (err != EXO_OK)
            cell_put_frames(cell, frame, 1);
    }
    if (err != EXO_OK)
        cell_refund(cell, EXO_RES_CAPS, EXO_CAPS_PER_PAGE);
    return err;
}

/* --- The end
 * -------------------------------------------------------------------------------------- */

enum { END_VCPUS, END_TABLE, END_GRACE, END_SPACE, END_DONE };

static err_t
end_vcpus(struct env *env)
{
    lock_acquire(&env->lock);
    struct vcpu *vcpu = env->vcpus;
    lock_release(&env->lock);
    if (vcpu == NULL)
        return EXO_OK;
    origin_doom(&vcpu->origin);
    (void)origin_step(&vcpu->origin);
    return EXO_E_AGAIN;
}

/* Closes the slots one after another; `end_page` counts them. */
static err_t
end_table(struct env *env)
{
    for (int i = 0; i < CLOSE_STEP; i++) {
        if (env->end_page == EXO_CAP_PAGES_MAX * EXO_CAPS_PER_PAGE)
            return cap_close_step(&env->supervisor);
        struct cap_slot *slot = cap_slot_at(env, env->end_page);
        if (slot == NULL)
            env->end_page += EXO_CAPS_PER_PAGE;
        else if (cap_close_step(slot) == EXO_OK)
            env->end_page++;
        else
            i += 3; /* a capability costs more than an empty slot */
    }
    return EXO_E_AGAIN;
}

/* Whether a CPU still has the page tables loaded, idling. */
static bool
space_in_use(const struct env *env)
{
    for (uint32_t i = 0; i < EXO_CPUS_MAX; i++)
        if (atomic_load(&cpus[i].space) == &env->space)
            return true;
    return false;
}

static err_t
end_space(struct env *env)
{
    env->stopped = true; /* an env_start may have passed the doom */
    if (space_in_use(env)) {
        (void)sched_poke_stopped(env);
        return EXO_E_AGAIN;
    }
    return env_unmake_step(env);
}

static err_t
end_grace(struct env *env)
{
    return epoch_passed(env->end_epoch) ? EXO_OK : EXO_E_AGAIN;
}

err_t
env_finish_step(struct env *env)
{
    static err_t (*const phases[])(struct env *) = {
        [END_VCPUS] = end_vcpus,
        [END_TABLE] = end_table,
        [END_GRACE] = end_grace,
        [END_SPACE] = end_space,
    };
    if (env->end_phase != END_DONE && phases[env->end_phase](env) == EXO_OK) {
        env->end_phase++;
        env->end_epoch = epoch_advance(); /* lookups in the closed table are over after this */
    }
    return env->end_phase == END_DONE ? EXO_OK : EXO_E_AGAIN;
}
