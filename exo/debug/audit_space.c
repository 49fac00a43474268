/*
 * I5: what programs have mapped is justified by capabilities of their own tables. Counts what is
 * mapped, for I4.
 */
#include "debug/audit.h"

#include "core/pagetable.h"

#define ASIDS_MAX 65536u

static uint64_t asids_seen[ASIDS_MAX / 64];

static bool
justifies(const struct cap_slot *slot, uint64_t page, pfn_t pfn, uint32_t prot,
          const struct origin *origin)
{
    uint32_t rights = EXO_READ | ((prot & EXO_PROT_WRITE) != 0 ? (uint32_t)EXO_WRITE : 0) |
                      ((prot & EXO_PROT_EXEC) != 0 ? (uint32_t)EXO_EXEC : 0);
    return slot->type == EXO_TYPE_FRAMES && (slot->flags & CAP_MAPPED) != 0 &&
           page >= slot->hull_lo && page < slot->hull_hi && pfn - slot->base < slot->count &&
           (slot->rights & rights) == rights && (origin == NULL || slot->origin == origin);
}

/* Neighbouring pages are mostly justified by one slot: the last one is tried first. */
struct cap_slot *
audit_justification(struct env *env, uint64_t page, pfn_t pfn, uint32_t prot,
                    const struct origin *origin)
{
    static struct cap_slot *last;
    if (last != NULL && audit_has_role(last, ROLE_SLOTS) && last->env == env &&
        justifies(last, page, pfn, prot, origin)) {
        return last;
    }
    for (uint32_t n = 0; n < EXO_CAP_PAGES_MAX; n++) {
        for (uint32_t i = 0; env->table[n] != NULL && i < EXO_CAPS_PER_PAGE; i++) {
            if (justifies(&env->table[n][i], page, pfn, prot, origin)) {
                last = &env->table[n][i];
                return last;
            }
        }
    }
    return NULL;
}

/* --- Leaf entries --------------------------------------------------------------------------------
 */

static void
count_mapping(struct audit_frame *found, uint32_t prot)
{
    found->writable = (found->writable + ((prot & EXO_PROT_WRITE) != 0)) & 0xfff;
    found->executable = (found->executable + ((prot & EXO_PROT_EXEC) != 0)) & 0xfff;
}

static void
check_memory(struct env *env, uint64_t page, pfn_t pfn, uint32_t prot)
{
    const struct frame *frame = frame_of(pfn);
    if (frame != NULL && audit_has_role(frame_to_kernel(pfn), ROLE_RING_PAGE)) {
        AUDIT(10, prot == EXO_PROT_READ, "environment %lx: page %lx is a ring page, protection %u",
              audit_name(env), (unsigned long)page, prot);
        AUDIT(5, audit_justification(env, page, pfn, prot, NULL) != NULL,
              "environment %lx: page %lx is a ring page, and no capability justifies it",
              audit_name(env), (unsigned long)page);
        return;
    }
    if (frame == NULL || frame_state(frame) != FRAME_OWNED) {
        AUDIT_BROKEN(5, "environment %lx: page %lx is frame %lx, which is no program's\n",
                     audit_name(env), (unsigned long)page, (unsigned long)pfn);
        return;
    }
    if (audit_justification(env, page, pfn, prot, frame->owner) == NULL) {
        AUDIT(5, audit_justification(env, page, pfn, prot, NULL) != NULL,
              "environment %lx: page %lx, frame %lx, protection %u: no capability justifies it",
              audit_name(env), (unsigned long)page, (unsigned long)pfn, prot);
        AUDIT(4, audit_justification(env, page, pfn, prot, NULL) == NULL,
              "frame %lx: mapped through a capability that is not its owner's", (unsigned long)pfn);
    }
}

static void
check_device(struct env *env, uint64_t page, pfn_t pfn, uint32_t prot)
{
    const struct cap_slot *slot = audit_justification(env, page, pfn, prot, NULL);
    AUDIT(5, slot != NULL && slot->origin->device && frame_of(pfn) == NULL,
          "environment %lx: page %lx is device page %lx, and no capability justifies it",
          audit_name(env), (unsigned long)page, (unsigned long)pfn);
}

static void
check_control(const struct env *env, uint64_t page, pfn_t pfn)
{
    const struct vcpu *vcpu = env->vcpus;
    while (vcpu != NULL && vcpu->control_va >> PAGE_SHIFT != page)
        vcpu = vcpu->env_next;
    AUDIT(5, vcpu != NULL && frame_from_kernel(vcpu->control) == pfn,
          "environment %lx: page %lx is no vCPU's control page", audit_name(env),
          (unsigned long)page);
}

static void
check_leaf(struct env *env, uint64_t page, uint64_t pte)
{
    uint32_t prot = pte_prot(pte);
    AUDIT(5, !pte_is_hidden(pte), "environment %lx: page %lx is hidden by nobody", audit_name(env),
          (unsigned long)page);
    AUDIT(5, (pte & PTE_EL0_COMMON) == PTE_EL0_COMMON && page >= EXO_VA_START >> PAGE_SHIFT,
          "environment %lx: page %lx has entry %lx", audit_name(env), (unsigned long)page,
          (unsigned long)pte);
    for (uint64_t i = 0; i < pte_pages(pte); i++) {
        pfn_t pfn = pte_pfn(pte) + i;
        if (audit_frame_of(pfn) != NULL)
            count_mapping(audit_frame_of(pfn), prot);
        if (pte_is_device(pte))
            check_device(env, page + i, pfn, prot);
        else if ((pte & PTE_CONTROL) != 0)
            check_control(env, page, pfn);
        else
            check_memory(env, page + i, pfn, prot);
    }
}

/* --- Tables --------------------------------------------------------------------------------------
 */

static void
check_pages(struct env *env, uint64_t first, const pte_t *table)
{
    for (uint64_t i = 0; i < TABLE_ENTRIES; i++) {
        uint64_t pte = pte_read(&table[i]);
        if (pte != 0)
            check_leaf(env, first + i, pte);
    }
}

/* The table below an entry, if it is one. */
static const pte_t *
claim_table(struct env *env, uint64_t pte, uint32_t *tables)
{
    if (!pte_is_table(pte))
        return NULL;
    const pte_t *table = table_of(pte);
    audit_claim((const void *)table, ROLE_TABLE, env->space.cell);
    ++*tables;
    return audit_has_role((const void *)table, ROLE_TABLE) ? table : NULL;
}

static void
check_blocks(struct env *env, uint64_t first, const pte_t *table, uint32_t *tables)
{
    for (uint64_t i = 0; i < TABLE_ENTRIES; i++) {
        uint64_t pte = pte_read(&table[i]), page = first + (i << TABLE_SHIFT);
        const pte_t *below = claim_table(env, pte, tables);
        if (below != NULL)
            check_pages(env, page, below);
        else if (pte != 0)
            check_leaf(env, page, pte);
    }
}

static void
check_asid(const struct env *env)
{
    uint32_t asid = env->space.asid;
    uint64_t bit = 1ull << (asid % 64);
    AUDIT(5, asid != 0 && (asids_seen[asid / 64] & bit) == 0,
          "environment %lx: its ASID %u is another's", audit_name(env), asid);
    asids_seen[asid / 64] |= bit;
}

static void
check_space(struct origin *origin)
{
    struct env *env = (struct env *)(void *)origin;
    uint32_t tables = 1;
    if (!audit_env_stands(env))
        return;
    audit_lock(&env->space.lock, "address space of", env);
    AUDIT(3, env->space.cell == origin->cell, "environment %lx: its tables are paid by %lx",
          audit_name(env), audit_name(env->space.cell));
    audit_claim(env->space.root, ROLE_TABLE, env->space.cell);
    const pte_t *root = root_table(&env->space);
    for (uint64_t i = 0; i < TABLE_ENTRIES; i++) {
        uint64_t pte = pte_read(&root[i]);
        const pte_t *below = claim_table(env, pte, &tables);
        AUDIT(5, pte == 0 || below != NULL, "environment %lx: entry %lx of its root is no table",
              audit_name(env), (unsigned long)i);
        if (below != NULL)
            check_blocks(env, i << (2 * TABLE_SHIFT), below, &tables);
    }
    AUDIT(3, tables == env->space.tables, "environment %lx: %u tables counted, %u found",
          audit_name(env), env->space.tables, tables);
    check_asid(env);
}

/* What a CPU may still walk. */
static void
check_active(const struct cpu *cpu)
{
    struct vspace *space = cpu->space;
    const struct env *env = space == NULL ? NULL : CONTAINER_OF(space, struct env, space);
    AUDIT(5, env == NULL || (audit_has_role(env, ROLE_ENV) && audit_env_stands(env)),
          "CPU %u: its address space %lx has ended", cpu->number, audit_name(space));
    AUDIT(5, env == NULL || (space->cpus & (1u << cpu->number)) != 0,
          "CPU %u: its address space %lx does not know of it", cpu->number, audit_name(space));
}

void
audit_spaces(void)
{
    memset(asids_seen, 0, sizeof(asids_seen));
    audit_each(EXO_TYPE_ENV, check_space);
    for (uint32_t i = 0; i < cpu_count; i++)
        check_active(&cpus[i]);
}
