/* Children from the same boot image: making them and ending them. */
#include "image.h"
#include "private.h"

#define STACK_PAGES   (EXO_BOOT_STACK_BYTES / EXO_PAGE_BYTES)
#define SEGMENTS_MAX  8u
#define LOOK_AGAIN_NS 50000u

_Static_assert(sizeof(struct rt_child_page) <= EXO_PAGE_BYTES, "one page");
_Static_assert((int)EXO_PROT_READ == (int)BOOT_READ && (int)EXO_PROT_WRITE == (int)BOOT_WRITE &&
                   (int)EXO_PROT_EXEC == (int)BOOT_EXEC,
               "protections of segments and mappings are the same bits");

static uint32_t
or_default(uint32_t value, uint32_t otherwise)
{
    return value != 0 ? value : otherwise;
}

static int64_t
make_cell(const struct rt_spawn *spawn, struct rt_child *child)
{
    const struct exo_limits limits = {
        .size = sizeof(limits),
        .version = EXO_ABI_VERSION,
        .limit = {or_default(spawn->limit[EXO_RES_FRAMES], RT_SPAWN_FRAMES),
                  or_default(spawn->limit[EXO_RES_CAPS], RT_SPAWN_CAPS),
                  or_default(spawn->limit[EXO_RES_ENVS], 1), spawn->limit[EXO_RES_CPU_SLOTS]},
    };
    child->cell = rt_slot_take();
    int64_t err =
        exo_cell_create(or_default(spawn->parent_cell, EXO_BOOT_CELL), child->cell, &limits);
    if (err == EXO_OK) {
        child->env = rt_slot_take();
        err = exo_env_create(child->cell, child->env);
    }
    return err;
}

/* Data, stack and the shared page, in this order, in one run of the child's cell. */
static int64_t
make_memory(const struct rt_spawn *spawn, struct rt_child *child, const struct boot_header *image)
{
    uint32_t data = rt_image_data_pages(image), pages = data + STACK_PAGES + 1;
    int64_t err;
    child->memory = rt_slot_take();
    err = exo_frames_alloc(child->cell, child->memory, pages, EXO_ALLOC_CONTIGUOUS, 0).status;
    if (err != EXO_OK)
        return err;
    char *at = rt_map_at_any(child->memory, 0, pages, EXO_PROT_READ | EXO_PROT_WRITE, &err);
    if (at == NULL)
        return err;
    err = rt_image_copy_data(image, at);
    child->page = (void *)(at + (uint64_t)(pages - 1) * EXO_PAGE_BYTES);
    memset(child->page, 0, EXO_PAGE_BYTES);
    child->page->size = sizeof(*child->page);
    child->page->version = EXO_ABI_VERSION;
    child->page->machine = rt_machine;
    child->page->entry = spawn->entry;
    child->page->argument = spawn->argument;
    return err == EXO_OK ? rt_unmap_pages((uint64_t)(uintptr_t)at, pages - 1) : err;
}

static int64_t
map_child(const struct rt_child *child, const struct boot_header *image)
{
    const uint32_t read_write = EXO_PROT_READ | EXO_PROT_WRITE;
    struct exo_map entries[SEGMENTS_MAX + 2];
    uint32_t data = rt_image_data_pages(image);
    if (image->segment_count > SEGMENTS_MAX)
        return EXO_E_LIMIT;
    uint32_t count = rt_image_map(image, entries);
    entries[count++] = (struct exo_map){EXO_BOOT_STACK_TOP - EXO_BOOT_STACK_BYTES, EXO_BOOT_DATA,
                                        data, STACK_PAGES, read_write};
    entries[count++] =
        (struct exo_map){EXO_BOOT_INFO_VA, EXO_BOOT_DATA, data + STACK_PAGES, 1, read_write};
    return rt_map(child->env, entries, count);
}

static int64_t
make_vcpu(const struct rt_spawn *spawn, struct rt_child *child)
{
    child->vcpu = rt_slot_take();
    return exo_vcpu_create(child->env, child->vcpu, spawn->cpu, EXO_BOOT_CONTROL_VA,
                           (uint64_t)(uintptr_t)rt_entry_child, EXO_BOOT_STACK_TOP,
                           EXO_BOOT_INFO_VA);
}

static int64_t
grant_all(uint32_t env, const struct rt_grant *grants, uint32_t count)
{
    int64_t err = EXO_OK;
    for (uint32_t i = 0; i < count && err == EXO_OK; i++) {
        const struct rt_grant *grant = &grants[i];
        if (grant->rights != 0) {
            err = exo_cap_copy(grant->src, env, grant->dst, grant->rights, grant->base_or_badge,
                               grant->count);
        }
    }
    return err;
}

/* What each child has: enough to map, to allocate, and to take notifications. */
static int64_t
grant_memory(const struct rt_child *child)
{
    const struct rt_grant grants[] = {
        {.src = child->cell, .dst = EXO_BOOT_CELL, .rights = EXO_READ | EXO_WRITE | EXO_COPY},
        {.src = child->env, .dst = EXO_BOOT_ENV, .rights = EXO_RIGHTS_ALL & ~(uint32_t)EXO_EXEC},
        {.src = EXO_BOOT_IMAGE, .dst = EXO_BOOT_IMAGE, .rights = EXO_READ | EXO_EXEC | EXO_COPY},
        {.src = child->memory, .dst = EXO_BOOT_DATA, .rights = EXO_READ | EXO_WRITE | EXO_COPY},
    };
    return grant_all(child->env, grants, sizeof(grants) / sizeof(grants[0]));
}

static int64_t
grant_rest(const struct rt_spawn *spawn, const struct rt_child *child)
{
    const struct rt_grant grants[] = {
        {.src = child->vcpu, .dst = EXO_BOOT_VCPU, .rights = EXO_RIGHTS_ALL & ~(uint32_t)EXO_EXEC},
        {.src = EXO_BOOT_CONSOLE,
         .dst = EXO_BOOT_CONSOLE,
         .rights = spawn->console ? EXO_READ | EXO_WRITE | EXO_COPY : 0},
    };
    int64_t err = grant_all(child->env, grants, sizeof(grants) / sizeof(grants[0]));
    return err == EXO_OK ? grant_all(child->env, spawn->grant, RT_GRANTS_MAX) : err;
}

static int64_t
make_child(const struct rt_spawn *spawn, struct rt_child *child)
{
    const struct boot_header *image = rt_image();
    int64_t err = image != NULL ? make_cell(spawn, child) : EXO_E_SLOT;
    if (err == EXO_OK)
        err = make_memory(spawn, child, image);
    if (err == EXO_OK)
        err = grant_memory(child);
    if (err == EXO_OK)
        err = map_child(child, image);
    if (err == EXO_OK && spawn->supervisor != 0)
        err = exo_env_supervise(child->env, spawn->supervisor);
    if (err == EXO_OK)
        err = make_vcpu(spawn, child);
    return err == EXO_OK ? grant_rest(spawn, child) : err;
}

int64_t
rt_spawn(const struct rt_spawn *spawn, struct rt_child *child)
{
    *child = (struct rt_child){EXO_NONE, EXO_NONE, EXO_NONE, EXO_NONE, NULL};
    int64_t err = make_child(spawn, child);
    if (err == EXO_OK && !spawn->held)
        err = exo_vcpu_start(child->vcpu);
    if (err != EXO_OK)
        rt_kill(child);
    return err;
}

enum rt_child_state
rt_child_wait(const struct rt_child *child, uint64_t deadline_ticks)
{
    for (;;) {
        uint32_t state = atomic_load_explicit(&child->page->state, memory_order_acquire);
        uint64_t now = rt_ticks();
        if (state != RT_CHILD_RUNS || now >= deadline_ticks)
            return (enum rt_child_state)state;
        uint64_t next = now + rt_ns_to_ticks(LOOK_AGAIN_NS);
        rt_sleep_until(next < deadline_ticks ? next : deadline_ticks);
    }
}

static void
drop_slot(uint32_t *slot)
{
    if (*slot != EXO_NONE) {
        (void)rt_drop(*slot);
        rt_slot_put(*slot);
        *slot = EXO_NONE;
    }
}

/* The cell first: that stops everything in it and empties the other slots. */
void
rt_kill(struct rt_child *child)
{
    drop_slot(&child->cell);
    drop_slot(&child->vcpu);
    drop_slot(&child->env);
    drop_slot(&child->memory);
    child->page = NULL;
    (void)rt_reap(EXO_BOOT_CELL);
}

void *
rt_shared(void)
{
    return rt_child_page == NULL ? NULL : rt_child_page->shared;
}
