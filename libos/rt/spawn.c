/* Children from the same boot image: making them and ending them. */
#include "image.h"
#include "private.h"

#define STACK_PAGES   (EXO_BOOT_STACK_BYTES / EXO_PAGE_BYTES)
#define LOOK_AGAIN_NS 50000u

/* Above the stack, in the page table that it has anyway. */
#define PAGES_VA     0x180000ull /* of children, as far as there is room */
#define PAGES        64u
#define COPY_FROM_VA 0x1c0000ull
#define COPY_TO_VA   0x1d0000ull
#define COPY_PAGES   16u
#define COPY_BYTES   (COPY_PAGES * EXO_PAGE_BYTES)

_Static_assert(sizeof(struct rt_child_page) <= EXO_PAGE_BYTES, "one page");
_Static_assert(sizeof(struct exo_boot_info) <= RT_SERVICE_OFFSET &&
                   RT_SERVICE_OFFSET + sizeof(struct rt_service) <= EXO_PAGE_BYTES,
               "both on one page");

/* --- Where the parent sees the pages of its children --------------------------------------------
 */

static _Atomic uint64_t pages_taken;

static uint64_t
take_page_va(void)
{
    uint64_t taken = atomic_load(&pages_taken);
    while (taken != UINT64_MAX) {
        uint32_t page = (uint32_t)__builtin_ctzll(~taken);
        if (atomic_compare_exchange_weak(&pages_taken, &taken, taken | 1ull << page))
            return PAGES_VA + (uint64_t)page * EXO_PAGE_BYTES;
    }
    return rt_va_take(1, 0);
}

static void
put_page_va(uint64_t va)
{
    if (va >= PAGES_VA && va < PAGES_VA + PAGES * EXO_PAGE_BYTES)
        atomic_fetch_and(&pages_taken, ~(1ull << (va - PAGES_VA) / EXO_PAGE_BYTES));
}

/* --- Its cell
 * ------------------------------------------------------------------------------------- */

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

/* --- The child's memory --------------------------------------------------------------------------
 */

static uint32_t
data_pages(const struct rt_program *program)
{
    uint32_t pages = 0;
    for (uint32_t i = 0; i < program->count; i++) {
        const struct rt_segment *segment = &program->segment[i];
        pages += segment->prot & EXO_PROT_WRITE ? rt_pages_of(segment->mem_bytes) : 0;
    }
    return pages;
}

/* At most COPY_PAGES, from the boot image into the run: through two windows that are always the
 * same, so that spawning needs no further page tables. */
static int64_t
copy_part(uint32_t from, uint32_t run, uint32_t to, uint64_t bytes)
{
    static struct rt_lock windows;
    uint32_t pages = rt_pages_of(bytes);
    rt_lock(&windows);
    int64_t err = rt_map_pages(COPY_FROM_VA, EXO_BOOT_IMAGE, from, pages, EXO_PROT_READ);
    if (err == EXO_OK)
        err = rt_map_pages(COPY_TO_VA, run, to, pages, EXO_PROT_READ | EXO_PROT_WRITE);
    if (err == EXO_OK)
        memcpy((void *)(uintptr_t)COPY_TO_VA, (const void *)(uintptr_t)COPY_FROM_VA, bytes);
    (void)rt_unmap_pages(COPY_TO_VA, COPY_PAGES);
    (void)rt_unmap_pages(COPY_FROM_VA, COPY_PAGES);
    rt_unlock(&windows);
    return err;
}

/* What the file has of the segments that are written to; the rest of the fresh frames is zero. */
static int64_t
copy_data(const struct rt_program *program, uint32_t run)
{
    uint32_t to = 0;
    int64_t err = EXO_OK;
    for (uint32_t i = 0; i < program->count; i++) {
        const struct rt_segment *segment = &program->segment[i];
        if (!(segment->prot & EXO_PROT_WRITE))
            continue;
        for (uint64_t at = 0; at < segment->file_bytes && err == EXO_OK; at += COPY_BYTES) {
            uint64_t left = segment->file_bytes - at;
            uint32_t page = (uint32_t)(at / EXO_PAGE_BYTES);
            err = copy_part(program->first + segment->page + page, run, to + page,
                            left < COPY_BYTES ? left : COPY_BYTES);
        }
        to += rt_pages_of(segment->mem_bytes);
    }
    return err;
}

static void
fill_page(const struct rt_spawn *spawn, const struct rt_program *program, struct rt_child *child)
{
    if (spawn->program == NULL) {
        child->page->size = sizeof(*child->page);
        child->page->version = EXO_ABI_VERSION;
        child->page->machine = rt_machine;
        child->page->entry = spawn->entry;
        child->page->argument = spawn->argument;
    } else {
        child->boot->size = sizeof(*child->boot);
        child->boot->version = EXO_ABI_VERSION;
        child->boot->machine = rt_machine;
        child->boot->data_frames = data_pages(program) + STACK_PAGES + 1;
        child->service->size = sizeof(*child->service);
        child->service->version = EXO_ABI_VERSION;
    }
}

/* Data, stack and the shared page, in this order, in one run of the child's cell. */
static int64_t
make_memory(const struct rt_spawn *spawn, struct rt_child *child, const struct rt_program *program)
{
    uint32_t pages = data_pages(program) + STACK_PAGES + 1;
    child->memory = rt_slot_take();
    int64_t err =
        exo_frames_alloc(child->cell, child->memory, pages, EXO_ALLOC_CONTIGUOUS, 0).status;
    if (err == EXO_OK)
        err = copy_data(program, child->memory);
    if (err != EXO_OK)
        return err;
    uint64_t va = take_page_va();
    err = rt_map_pages(va, child->memory, pages - 1, 1, EXO_PROT_READ | EXO_PROT_WRITE);
    if (err != EXO_OK) {
        put_page_va(va);
        return err;
    }
    child->shared = (void *)(uintptr_t)va;
    if (spawn->program == NULL) {
        child->page = child->shared;
    } else {
        child->boot = child->shared;
        child->service = (void *)((char *)child->shared + RT_SERVICE_OFFSET);
    }
    fill_page(spawn, program, child);
    return EXO_OK;
}

/* What is only read comes from the program's file, the rest from the run in slot EXO_BOOT_DATA. */
static uint32_t
map_program(const struct rt_spawn *spawn, const struct rt_program *program, struct exo_map *entries)
{
    uint32_t data = 0;
    for (uint32_t i = 0; i < program->count; i++) {
        const struct rt_segment *segment = &program->segment[i];
        bool written = segment->prot & EXO_PROT_WRITE;
        entries[i] = (struct exo_map){
            .va = segment->va,
            .slot = written                  ? EXO_BOOT_DATA
                    : spawn->program == NULL ? EXO_BOOT_IMAGE
                                             : RT_SLOT_PROGRAM,
            .first = written ? data : segment->page,
            .pages = rt_pages_of(segment->mem_bytes),
            .prot = segment->prot,
        };
        data += written ? entries[i].pages : 0;
    }
    return data;
}

static int64_t
map_child(const struct rt_spawn *spawn, const struct rt_child *child,
          const struct rt_program *program)
{
    const uint32_t read_write = EXO_PROT_READ | EXO_PROT_WRITE;
    struct exo_map entries[RT_SEGMENTS_MAX + 2];
    uint32_t data = map_program(spawn, program, entries), count = program->count;
    entries[count++] = (struct exo_map){EXO_BOOT_STACK_TOP - EXO_BOOT_STACK_BYTES, EXO_BOOT_DATA,
                                        data, STACK_PAGES, read_write};
    entries[count++] = (struct exo_map){EXO_BOOT_INFO_VA, EXO_BOOT_DATA, data + STACK_PAGES, 1,
                                        spawn->program == NULL ? read_write : EXO_PROT_READ};
    return rt_map(child->env, entries, count);
}

static int64_t
make_vcpu(const struct rt_spawn *spawn, struct rt_child *child)
{
    uint64_t entry =
        spawn->program == NULL ? (uint64_t)(uintptr_t)rt_entry_child : spawn->program->entry;
    child->vcpu = rt_slot_take();
    return exo_vcpu_create(child->env, child->vcpu, spawn->cpu, EXO_BOOT_CONTROL_VA, entry,
                           EXO_BOOT_STACK_TOP, EXO_BOOT_INFO_VA);
}

/* --- What it is given ---------------------------------------------------------------------------
 */

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

/* The file of another program: no more of the boot image than that. */
static struct rt_grant
grant_program(const struct rt_program *program)
{
    struct exo_cap_info image = {0};
    (void)exo_cap_info(EXO_BOOT_IMAGE, &image);
    return (struct rt_grant){.src = EXO_BOOT_IMAGE,
                             .dst = RT_SLOT_PROGRAM,
                             .rights = EXO_READ | EXO_EXEC,
                             .count = program->pages,
                             .base_or_badge = image.base_or_badge + program->first};
}

/* What each child has: enough to map, to allocate, and to take notifications. */
static int64_t
grant_memory(const struct rt_spawn *spawn, const struct rt_child *child)
{
    const struct rt_grant grants[] = {
        {.src = child->cell, .dst = EXO_BOOT_CELL, .rights = EXO_READ | EXO_WRITE | EXO_COPY},
        {.src = child->env, .dst = EXO_BOOT_ENV, .rights = EXO_RIGHTS_ALL & ~(uint32_t)EXO_EXEC},
        {.src = child->memory, .dst = EXO_BOOT_DATA, .rights = EXO_READ | EXO_WRITE | EXO_COPY},
        spawn->program != NULL ? grant_program(spawn->program)
                               : (struct rt_grant){.src = EXO_BOOT_IMAGE,
                                                   .dst = EXO_BOOT_IMAGE,
                                                   .rights = EXO_READ | EXO_EXEC | EXO_COPY},
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
    const struct rt_program *program = spawn->program != NULL ? spawn->program : rt_program_self();
    int64_t err = program != NULL ? make_cell(spawn, child) : EXO_E_SLOT;
    if (err == EXO_OK)
        err = make_memory(spawn, child, program);
    if (err == EXO_OK)
        err = grant_memory(spawn, child);
    if (err == EXO_OK)
        err = map_child(spawn, child, program);
    if (err == EXO_OK && spawn->supervisor != 0)
        err = exo_env_supervise(child->env, spawn->supervisor);
    if (err == EXO_OK)
        err = make_vcpu(spawn, child);
    return err == EXO_OK ? grant_rest(spawn, child) : err;
}

int64_t
rt_spawn(const struct rt_spawn *spawn, struct rt_child *child)
{
    *child =
        (struct rt_child){.cell = EXO_NONE, .env = EXO_NONE, .vcpu = EXO_NONE, .memory = EXO_NONE};
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
    put_page_va((uint64_t)(uintptr_t)child->shared);
    child->shared = NULL;
    child->page = NULL;
    child->boot = NULL;
    child->service = NULL;
    (void)rt_reap(EXO_BOOT_CELL);
}

void *
rt_shared(void)
{
    return rt_child_page == NULL ? NULL : rt_child_page->shared;
}
