/* I3: the cell tree, the lists of what each cell pays for, and its accounts. */
#include "debug/audit.h"

#include "core/frame.h"
#include "core/genesis.h"
#include "core/slab.h"
#include "virtio/device.h"

struct audit_account audit_accounts[AUDIT_CELLS_MAX];
uint32_t audit_cell_count;

static const char *const resource_text[EXO_RES_COUNT] = {"frames", "capabilities", "environments",
                                                         "CPU slots"};

static struct audit_account *
account_of(const struct cell *cell)
{
    static uint32_t last;
    if (last < audit_cell_count && audit_accounts[last].cell == cell)
        return &audit_accounts[last];
    for (last = 0; last < audit_cell_count; last++)
        if (audit_accounts[last].cell == cell)
            return &audit_accounts[last];
    return NULL;
}

void
audit_found(const struct cell *cell, enum exo_resource resource, uint32_t amount)
{
    struct audit_account *account = account_of(cell);
    if (account != NULL)
        account->found[resource] += amount;
}

/* --- The tree -------------------------------------------------------------------------------- */

/* The next cell, parents before children; the links up make a stack unnecessary. */
static struct cell *
next_cell(struct cell *cell)
{
    if (cell->first_child != NULL)
        return cell->first_child;
    while (cell->next == NULL && cell->parent != NULL)
        cell = cell->parent;
    return cell->next;
}

static void
check_family(const struct cell *cell)
{
    uint64_t carved[EXO_RES_COUNT] = {0};
    const struct cell *before = NULL;
    for (const struct cell *child = cell->first_child; child != NULL; child = child->next) {
        AUDIT(3, child->parent == cell && child->origin.cell == cell,
              "cell %lx is not its parent's child", audit_name(child));
        AUDIT(3, child->prev == before, "cell %lx: its siblings' links differ", audit_name(child));
        AUDIT(3, child->depth == cell->depth + 1, "cell %lx has depth %u below %u",
              audit_name(child), child->depth, cell->depth);
        for (int i = 0; i < EXO_RES_COUNT; i++)
            carved[i] += child->limit[i];
        before = child;
    }
    for (int i = 0; i < EXO_RES_COUNT; i++) {
        AUDIT(3, carved[i] == cell->carved[i], "cell %lx: %u %s carved, its children have %lu",
              audit_name(cell), cell->carved[i], resource_text[i], (unsigned long)carved[i]);
    }
}

static bool
register_cells(void)
{
    audit_cell_count = 0;
    for (struct cell *cell = root_cell; cell != NULL; cell = next_cell(cell)) {
        if (audit_cell_count == AUDIT_CELLS_MAX) {
            console_printf("exo: audit: skipped: more than %u cells\n", AUDIT_CELLS_MAX);
            return false;
        }
        audit_accounts[audit_cell_count++] = (struct audit_account){.cell = cell};
        check_family(cell);
    }
    return true;
}

/* --- Objects: whose memory is what ---------------------------------------------------------------
 */

static void
claim_env(const struct env *env)
{
    const struct cell *cell = env->origin.cell;
    audit_claim(env, ROLE_ENV, cell);
    if (!audit_env_stands(env))
        return;
    audit_lock(&env->lock, "environment", env);
    audit_claim(env->table, ROLE_DIRECTORY, cell);
    audit_found(cell, EXO_RES_ENVS, 1);
    for (uint32_t page = 0; page < EXO_CAP_PAGES_MAX; page++) {
        if (env->table[page] != NULL) {
            audit_claim(env->table[page], ROLE_SLOTS, env);
            audit_found(cell, EXO_RES_CAPS, EXO_CAPS_PER_PAGE);
        }
    }
}

static void
claim_vcpu(const struct vcpu *vcpu)
{
    const struct cell *cell = vcpu->origin.cell;
    audit_claim(vcpu, ROLE_VCPU, cell);
    if (vcpu->control != NULL)
        audit_claim(vcpu->control, ROLE_CONTROL, cell);
    for (uint32_t i = 0; i < vcpu->sve_frames; i++)
        audit_claim((const char *)vcpu->sve_state + i * PAGE_BYTES, ROLE_VECTORS, cell);
}

static void
check_run(const struct origin *origin)
{
    for (uint32_t i = 0; i < origin->count; i++) {
        const struct frame *frame = frame_of(origin->base + i);
        AUDIT(4, frame != NULL && frame_state(frame) == FRAME_OWNED && frame->owner == origin,
              "frame %lx is not owned by %lx, in whose run it lies",
              (unsigned long)(origin->base + i), audit_name(origin));
    }
}

static void
claim_object(const struct origin *origin)
{
    switch (origin->type) {
    case EXO_TYPE_CELL: audit_claim(origin, ROLE_CELL, origin->cell); break;
    case EXO_TYPE_ENV: claim_env((const struct env *)(const void *)origin); break;
    case EXO_TYPE_VCPU: claim_vcpu((const struct vcpu *)(const void *)origin); break;
    case EXO_TYPE_FRAMES:
        audit_claim_part(origin);
        check_run(origin);
        break;
    case EXO_TYPE_QUEUE:
    case EXO_TYPE_PORT:
    case EXO_TYPE_EXTENT: audit_claim(origin, ROLE_QUEUE, origin->cell); break;
    case TYPE_SESSION: audit_claim_session((const struct session *)(const void *)origin); break;
    case EXO_TYPE_ENDPOINT:
    case EXO_TYPE_IRQ:
    case EXO_TYPE_NOTIFICATION: audit_claim_part(origin); break;
    default:
        AUDIT_BROKEN(3, "object %lx of type %u is on a list of cell %lx\n", audit_name(origin),
                     origin->type, audit_name(origin->cell));
    }
}

/* --- Lists -------------------------------------------------------------------------------------
 */

enum list { LIST_ALIVE, LIST_FRAMES, LIST_DOOMED, LIST_ZOMBIES, LISTS };

static struct origin *
list_of(const struct cell *cell, enum list list)
{
    return list == LIST_ALIVE    ? cell->alive
           : list == LIST_FRAMES ? cell->frames
           : list == LIST_DOOMED ? cell->doomed
                                 : cell->zombies;
}

static bool
belongs(const struct origin *origin, enum list list)
{
    switch (list) {
    case LIST_ALIVE:
    case LIST_FRAMES:
        return !origin->doomed && origin->phase <= ORIGIN_SWEEP &&
               (origin->type == EXO_TYPE_FRAMES) == (list == LIST_FRAMES);
    case LIST_DOOMED:
        return origin->doomed && origin->phase >= ORIGIN_GRACE && origin->phase <= ORIGIN_FINISH;
    default: return origin->doomed && origin->phase == ORIGIN_DEAD;
    }
}

/* Returns how many. */
static uint32_t
check_list(const struct cell *cell, enum list list)
{
    const struct origin *before = NULL;
    uint32_t count = 0;
    for (const struct origin *origin = list_of(cell, list); origin != NULL; origin = origin->next) {
        AUDIT(3, origin->cell == cell, "object %lx is on a list of cell %lx, and charged to %lx",
              audit_name(origin), audit_name(cell), audit_name(origin->cell));
        AUDIT(3, belongs(origin, list), "object %lx, phase %u, is on list %u of cell %lx",
              audit_name(origin), origin->phase, list, audit_name(cell));
        AUDIT(3, list == LIST_ZOMBIES || origin->prev == before,
              "object %lx: its neighbours on the list of cell %lx differ", audit_name(origin),
              audit_name(cell));
        AUDIT(7, !origin->stepping, "object %lx: a step of its end is under way",
              audit_name(origin));
        audit_lock(&origin->lock, "object", origin);
        claim_object(origin);
        before = origin;
        if (++count == AUDIT_NODES_MAX) {
            AUDIT_BROKEN(3, "cell %lx: list %u is circular\n", audit_name(cell), list);
            break;
        }
    }
    return count;
}

/* The frames of small objects that have room; which ones are in use follows from the objects. */
static void
check_slabs(const struct cell *cell)
{
    for (int class = 0; class < SLAB_CLASSES; class ++) {
        const struct slab_frame *before = NULL;
        for (const struct slab_frame *slab = cell->slabs[class]; slab != NULL; slab = slab->next) {
            AUDIT(3, slab->prev == before && slab->free != 0,
                  "slab %lx does not belong on the list of cell %lx", audit_name(slab),
                  audit_name(cell));
            before = slab;
        }
    }
}

static void
check_cell(const struct cell *cell)
{
    uint32_t count[LISTS];
    for (int list = 0; list < LISTS; list++)
        count[list] = check_list(cell, (enum list)list);
    AUDIT(3, cell->dying_objects == count[LIST_DOOMED] + count[LIST_ZOMBIES],
          "cell %lx: %u dying objects, %u found", audit_name(cell), cell->dying_objects,
          count[LIST_DOOMED] + count[LIST_ZOMBIES]);
    AUDIT(3, cell->dying == cell->origin.doomed, "cell %lx is dying or not", audit_name(cell));
    check_slabs(cell);
    audit_lock(&cell->lock, "cell", cell);
    audit_lock(&cell->slab_lock, "slabs of cell", cell);
}

bool
audit_cells(void)
{
    if (!register_cells())
        return false;
    audit_claim(root_cell, ROLE_CELL, NULL);
    for (uint32_t i = 0; i < audit_cell_count; i++)
        check_cell(audit_accounts[i].cell);
    /* Each cell of the tree was found on its parent's list. */
    for (uint32_t i = 0; i < audit_cell_count; i++) {
        AUDIT(3, audit_has_role(audit_accounts[i].cell, ROLE_CELL),
              "cell %lx is on no list of its parent", audit_name(audit_accounts[i].cell));
    }
    return true;
}

void
audit_each(enum exo_type type, void (*visit)(struct origin *origin))
{
    for (uint32_t i = 0; i < audit_cell_count; i++) {
        for (int list = LIST_ALIVE; list <= LIST_DOOMED; list++) {
            struct origin *origin = list_of(audit_accounts[i].cell, (enum list)list);
            for (; origin != NULL; origin = origin->next)
                if (origin->type == type)
                    visit(origin);
        }
    }
}

void
audit_balance(void)
{
    for (uint32_t i = 0; i < audit_cell_count; i++) {
        const struct audit_account *account = &audit_accounts[i];
        for (int j = 0; j < EXO_RES_COUNT; j++) {
            uint32_t own = cell_own(account->cell, (enum exo_resource)j);
            AUDIT(3, own == account->found[j], "cell %lx: %u %s used, %u found",
                  audit_name(account->cell), own, resource_text[j], account->found[j]);
        }
    }
}
