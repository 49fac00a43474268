/* The account of the root cell, before and after a test. */
#ifndef TEST_ACCOUNT_H
#define TEST_ACCOUNT_H

#include <exo/abi.h>
#include <stdbool.h>

struct account {
    struct exo_cell_info cell;
};

void account_read(struct account *account);
bool account_equal(const struct account *before, const struct account *after);
void account_print_change(const struct account *before, const struct account *after);

#endif
