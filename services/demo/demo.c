/*
 * What `make run` boots while there is no model to serve: a program that shows, step by step, what
 * the kernel does for it and what it does itself. It ends with a line that says how to leave.
 */
#include "demo.h"

#define PATIENCE_NS (20 * RT_S_NS)

void
demo_scene(const char *title)
{
    static unsigned number;
    rt_printf("\n%u. %s\n\n", ++number, title);
}

uint32_t
demo_other_cpu(void)
{
    return rt_machine.cpus > 1 ? 1 : 0;
}

bool
demo_start(const struct rt_spawn *spawn, struct rt_child *child)
{
    int64_t err = rt_spawn(spawn, child);
    if (err != EXO_OK)
        rt_printf("   cannot start a program: %s\n", exo_error_text(err));
    return err == EXO_OK;
}

int
demo_finish(struct rt_child *child)
{
    bool exited = rt_child_wait(child, rt_deadline_ns(PATIENCE_NS)) == RT_CHILD_EXITED;
    int code = exited ? child->page->code : -1;
    rt_kill(child);
    if (code != 0)
        rt_printf("   the program ended with code %d\n", code);
    return code;
}

static bool
accounts_are_back(const struct exo_cell_info *before)
{
    struct exo_cell_info now;
    (void)rt_reap(EXO_BOOT_CELL);
    (void)exo_cell_info(EXO_BOOT_CELL, &now);
    demo_scene("The account at the end");
    rt_printf("   This program's cell uses %u frames of its own and gave %u to others;\n",
              now.own[EXO_RES_FRAMES], now.carved[EXO_RES_FRAMES]);
    rt_printf("   at the beginning it was %u and %u. Page tables and pages of its capability\n",
              before->own[EXO_RES_FRAMES], before->carved[EXO_RES_FRAMES]);
    rt_printf("   table are what stays; every program that ran is gone to the last frame.\n");
    return now.carved[EXO_RES_FRAMES] == before->carved[EXO_RES_FRAMES] && now.dying_objects == 0;
}

int
main(void)
{
    struct exo_cell_info before;
    (void)exo_cell_info(EXO_BOOT_CELL, &before);
    show_machine();
    show_programs();
    show_calls();
    show_pager();
    show_revocation();
    show_refusals();
    return accounts_are_back(&before) ? 0 : 1;
}
