#include "fake_cell.h"

#include "core/frame.h"

uint32_t fake_cell_frames = UINT32_MAX;

err_t
cell_take_frames(struct cell *cell, void *owner, uint32_t count, void **frames)
{
    (void)cell;
    if (fake_cell_frames < count)
        return EXO_E_LIMIT;
    *frames = frame_take_kernel(owner, count);
    if (*frames == NULL)
        return EXO_E_MEMORY;
    fake_cell_frames -= count;
    return EXO_OK;
}

void
cell_put_frames(struct cell *cell, void *frames, uint32_t count)
{
    (void)cell;
    fake_cell_frames += count;
    frame_put(frame_from_kernel(frames), count);
}
