/* What exists before the first program runs. */
#ifndef EXO_CORE_GENESIS_H
#define EXO_CORE_GENESIS_H

#include "core/cap.h"

/* The objects that stand for each CPU's slot vector. */
extern struct origin cpu_origins[EXO_CPUS_MAX];

/* What everything else is carved from. */
extern struct cell *root_cell;

/* Fills in what a holder of the machine capability, and init, may know. */
void machine_describe(struct exo_machine_info *info);

#endif
