/* Init's part: workers are spawned, watched and replaced; what they share is taken away at times.
 */
#include "crew.h"

#define POLL_NS         (2 * RT_MS_NS)
#define AUDIT_EACH      5000u /* calls */
#define TAKEAWAY_ONE_IN 3u    /* polls */
#define REPORTS_MAX     4u    /* stopped workers that are described; of the others, all */

struct crew crew;

/* --- Lives --------------------------------------------------------------------------------------
 */

static void
prepare_page(struct member *member, uint32_t number)
{
    member->page->seed = (crew.seed + member->lives * 0x9e3779b97f4a7c15ull) ^ number << 8 ^ 1;
    member->page->worker = number;
    member->page->cpus = rt_machine.cpus;
    member->page->phase = FUZZ_OUTSIDE;
    member->seen = atomic_load(&member->page->calls);
    member->patience = test_patience();
    member->lives++;
}

static bool
spawn(uint32_t number)
{
    struct member *member = &crew.members[number];
    const struct rt_spawn how = {
        .entry = fuzz_worker,
        .argument = number,
        .cpu = number % rt_machine.cpus,
        .limit = {3000, EXO_CAPS_PER_PAGE * 32, 24, 6},
        .supervisor = number % 2 ? crew.endpoints[0] : 0,
        .held = true,
    };
    prepare_page(member, number);
    member->alive = rt_spawn(&how, &member->child) == EXO_OK;
    if (member->alive) {
        shares_grant(number);
        (void)exo_notification_bind(crew.bells[number % FUZZ_BELLS], member->child.vcpu);
        check_equal(exo_vcpu_start(member->child.vcpu), EXO_OK);
    }
    return member->alive;
}

static void
describe(const struct member *member, enum fuzz_end how)
{
    static const char *const names[] = {"crashed", "stopped", "exited", "hung"};
    const struct fuzz_page *page = member->page;
    const uint64_t *fault = member->child.page->fault;
    struct exo_context context = {0};
    (void)rt_stop_vcpu(member->child.vcpu);
    (void)exo_vcpu_get(member->child.vcpu, &context);
    rt_printf("# worker %u %s, %s call %s(%llx, %llx, %llx, %llx); pc %llx\n", page->worker,
              names[how], page->phase == FUZZ_IN_CALL ? "in" : "after",
              fuzz_names[fuzz_line(page->last[0])], (unsigned long long)page->last[1],
              (unsigned long long)page->last[2], (unsigned long long)page->last[3],
              (unsigned long long)page->last[4], (unsigned long long)context.pc);
    if (how == FUZZ_CRASHED) {
        rt_printf("#   upcall %llu: address %llx, syndrome %llx, pc %llx\n",
                  (unsigned long long)fault[0], (unsigned long long)fault[1],
                  (unsigned long long)fault[2], (unsigned long long)fault[3]);
    }
}

static void
bury(struct member *member, enum fuzz_end how)
{
    if (how != FUZZ_STOPPED || crew.totals->respawns[how] < REPORTS_MAX)
        describe(member, how);
    crew.totals->respawns[how]++;
    crew.totals->lost[fuzz_line(member->page->last[0])] += member->page->phase == FUZZ_IN_CALL;
    member->alive = false;
    rt_kill(&member->child);
}

/* Whether and how it ended. A worker that makes calls is not looked at more closely. */
static void
watch(uint32_t number)
{
    struct member *member = &crew.members[number];
    struct exo_context context;
    uint64_t calls = atomic_load(&member->page->calls);
    if (!member->alive) {
        (void)spawn(number);
    } else if (calls != member->seen) {
        member->seen = calls;
        member->patience = test_patience();
    } else if (atomic_load(&member->child.page->state) != RT_CHILD_RUNS) {
        bury(member, atomic_load(&member->child.page->state) == RT_CHILD_FAULTED ? FUZZ_CRASHED
                                                                                 : FUZZ_EXITED);
    } else if (exo_vcpu_get(member->child.vcpu, &context) == EXO_OK) {
        bury(member, FUZZ_STOPPED);
    } else if (rt_ticks() > member->patience) {
        bury(member, FUZZ_HUNG);
    }
}

static void
audit(void)
{
    struct exo_audit result = exo_machine_audit(EXO_BOOT_MACHINE);
    crew.totals->count[EXO_CALL_machine_audit][-result.status]++;
    crew.totals->audits++;
    crew.totals->violations += result.status == EXO_OK ? (uint32_t)result.violations : 0;
}

/* --- A round ------------------------------------------------------------------------------------
 */

static void
begin(uint64_t seed, struct fuzz_totals *totals)
{
    crew.seed = seed;
    crew.totals = totals;
    crew.count = rt_machine.cpus < 4 ? 4 : rt_machine.cpus;
    shares_begin();
    for (uint32_t i = 0; i < crew.count; i++) {
        struct member *member = &crew.members[i];
        *member = (struct member){.alive = false};
        check_equal(rt_memory_take(FUZZ_PAGES, EXO_PROT_READ | EXO_PROT_WRITE, &member->memory),
                    EXO_OK);
        member->page = member->memory.at;
    }
}

static uint64_t
calls_made(void)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < crew.count; i++)
        sum += atomic_load(&crew.members[i].page->calls);
    return sum;
}

static void
add_up(const struct fuzz_page *page)
{
    struct fuzz_totals *totals = crew.totals;
    for (uint32_t i = 0; i < FUZZ_CALLS; i++)
        for (uint32_t j = 0; j < FUZZ_RESULTS; j++)
            totals->count[i][j] += page->count[i][j];
    totals->acts += page->acts;
    totals->broken_fp += page->broken_fp;
    if (page->broken != 0) {
        rt_printf("# worker %u: call %s changed registers, mask %llx\n", page->worker,
                  fuzz_names[fuzz_line(page->broken_call[0])], (unsigned long long)page->broken);
        totals->broken++;
    }
}

static void
end(void)
{
    for (uint32_t i = 0; i < crew.count; i++) {
        struct member *member = &crew.members[i];
        if (member->alive) {
            member->alive = false;
            rt_kill(&member->child);
        }
        add_up(member->page);
    }
}

/* Whether each worker has made a call, or was replaced, since all together had made enough. */
static bool
all_went_on(void)
{
    for (uint32_t i = 0; i < crew.count; i++)
        if (crew.members[i].alive && crew.members[i].seen == crew.members[i].last)
            return false;
    return true;
}

static void
look_around(void)
{
    for (uint32_t i = 0; i < crew.count; i++)
        watch(i);
    rt_sleep_until(rt_deadline_ns(POLL_NS));
    if (test_random() % TAKEAWAY_ONE_IN == 0)
        shares_take_away();
}

void
fuzz_round(uint64_t calls, uint64_t seed, struct fuzz_totals *totals)
{
    uint64_t audited = 0, made = 0;
    begin(seed, totals);
    while (made < calls) {
        look_around();
        made = calls_made();
        if ((rt_machine.features & EXO_FEATURE_DEBUG) && made - audited >= AUDIT_EACH) {
            audit();
            audited = made;
        }
    }
    for (uint32_t i = 0; i < crew.count; i++)
        crew.members[i].last = crew.members[i].seen;
    while (!all_went_on())
        look_around();
    end();
}
