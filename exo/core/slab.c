/*
 * Small kernel objects: frames of the cell, cut into parts of 128 or 256 bytes. The first part of
 * each frame is its header. A frame whose parts are all free goes back at once.
 */
#include "core/cell.h"
#include "core/frame.h"
#include "core/slab.h"

#define PART_BYTES(class) (128u << (class))

static err_t
grow(struct cell *cell, int class)
{
    void *frame;
    TRY(cell_take_frames(cell, cell, 1, &frame));
    struct slab_frame *slab = frame;
    slab->part_bytes = PART_BYTES(class);
    slab->free = slab_parts(slab->part_bytes);
    LIST_PUSH(&cell->slabs[class], slab);
    return EXO_OK;
}

static err_t
take_part(struct cell *cell, int class, void **part)
{
    HOLD(&cell->slab_lock);
    if (cell->slabs[class] == NULL)
        TRY(grow(cell, class));
    struct slab_frame *slab = cell->slabs[class];
    *part = (char *)slab + (uint32_t)__builtin_ctz(slab->free) * slab->part_bytes;
    memset(*part, 0, slab->part_bytes);
    slab->free &= slab->free - 1;
    if (slab->free == 0)
        LIST_REMOVE(&cell->slabs[class], slab);
    return EXO_OK;
}

err_t
cell_new_object(struct cell *cell, enum exo_type type, size_t bytes, void **object)
{
    if (bytes > PART_BYTES(1))
        TRY(cell_take_frames(cell, cell, 1, object));
    else
        TRY(take_part(cell, bytes > PART_BYTES(0), object));
    origin_init(*object, type, cell);
    return EXO_OK;
}

void
cell_put_object(struct cell *cell, void *object)
{
    struct slab_frame *slab = slab_of(object);
    bool empty = object == slab; /* no part of a slab, but a frame of its own */
    if (!empty) {
        int class = slab->part_bytes > PART_BYTES(0);
        lock_acquire(&cell->slab_lock);
        if (slab->free == 0)
            LIST_PUSH(&cell->slabs[class], slab);
        slab->free |= 1u << slab_part(slab, object);
        empty = slab->free == slab_parts(slab->part_bytes);
        if (empty)
            LIST_REMOVE(&cell->slabs[class], slab);
        lock_release(&cell->slab_lock);
    }
    if (empty)
        cell_put_frames(cell, slab, 1);
}
