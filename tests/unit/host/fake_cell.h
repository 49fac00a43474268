/* A double of core/cell.c where only its frames matter. */
#ifndef HOST_FAKE_CELL_H
#define HOST_FAKE_CELL_H

#include "core/cell.h"

/* Frames that cell_take_frames still gives before EXO_E_LIMIT. */
extern uint32_t fake_cell_frames;

#endif
