#include "fake_cell.h"

#include "core/frame.h"

uint32_t fake_cell_frames = UINT32_MAX;

err_t
cell_take_frame(struct cell *cell, void *owner, void **frame)
{
    (void)cell;
    if (fake_cell_frames == 0)
        return EXO_E_LIMIT;
    *frame = frame_take_kernel(owner);
    if (*frame == NULL)
        return EXO_E_MEMORY;
    fake_cell_frames--;
    return EXO_OK;
}

void
cell_put_frame(struct cell *cell, void *frame)
{
    (void)cell;
    fake_cell_frames++;
    frame_put(frame_from_kernel(frame), 1);
}
