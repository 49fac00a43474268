#include "account.h"

#include "test.h"

static const char *const resource_names[EXO_RES_COUNT] = {
    [EXO_RES_FRAMES] = "frames",
    [EXO_RES_CAPS] = "capability slots",
    [EXO_RES_ENVS] = "environments",
    [EXO_RES_CPU_SLOTS] = "CPU slots",
};

void
account_read(struct account *account)
{
    check_equal(exo_cell_info(EXO_BOOT_CELL, &account->cell), EXO_OK);
}

bool
account_equal(const struct account *before, const struct account *after)
{
    bool equal = before->cell.dying_objects == after->cell.dying_objects;
    for (int i = 0; i < EXO_RES_COUNT; i++) {
        equal = equal && before->cell.own[i] == after->cell.own[i] &&
                before->cell.carved[i] == after->cell.carved[i];
    }
    return equal;
}

void
account_print_change(const struct account *before, const struct account *after)
{
    for (int i = 0; i < EXO_RES_COUNT; i++) {
        rt_printf("#   %s: own %u, was %u; carved %u, was %u\n", resource_names[i],
                  after->cell.own[i], before->cell.own[i], after->cell.carved[i],
                  before->cell.carved[i]);
    }
    rt_printf("#   dying objects: %u, was %u\n", after->cell.dying_objects,
              before->cell.dying_objects);
}
