/* Beginning and end of a program, as init and as a child. */
#include "private.h"

const struct exo_boot_info *rt_boot;
struct exo_machine_info rt_machine;
struct rt_child_page *rt_child_page;
const struct rt_service *rt_service;

static char upcall_stack[RT_UPCALL_STACK_BYTES] __attribute__((aligned(16)));

static void
begin(void)
{
    rt_vcpu_of(rt_control())->stack_top = EXO_BOOT_STACK_TOP;
    rt_upcall_begin((uint64_t)(uintptr_t)(upcall_stack + sizeof(upcall_stack)));
    (void)rt_console_open();
}

void
rt_start_init(const struct exo_boot_info *info)
{
    const struct rt_service *service =
        (const struct rt_service *)(const void *)((const char *)info + RT_SERVICE_OFFSET);
    rt_boot = info;
    rt_service = service->size != 0 ? service : NULL; /* the rest of the page is zeros, else */
    rt_machine = info->machine;
    begin();
    rt_slots_begin();
    rt_exit(rt_main());
}

void
rt_start_child(struct rt_child_page *page)
{
    rt_child_page = page;
    rt_machine = page->machine;
    begin();
    rt_exit(page->entry(page->argument));
}

void
rt_exit(int code)
{
    if (rt_child_page != NULL) {
        rt_child_page->code = code;
        uint32_t runs = RT_CHILD_RUNS; /* a fault's report stays */
        atomic_compare_exchange_strong(&rt_child_page->state, &runs, RT_CHILD_EXITED);
    } else if (rt_service != NULL) {
        (void)rt_tell_supervisor(RT_SERVICE_EXIT, (uint32_t)code, 0, 0);
    } else {
        (void)exo_machine_power(EXO_BOOT_MACHINE, EXO_POWER_OFF, (uint32_t)code);
    }
    for (;;)
        (void)exo_env_stop(EXO_SELF);
}
