/*
 * Small kernel objects: frames of the cell, cut into parts of 128 or 256 bytes. The first part of
 * each frame is its header. A frame whose parts are all free goes back at once.
 */
#include "core/cell.h"
#include "core/frame.h"
#include "core/slab.h"

#define PART_BYTES(class) (128u << (class))

static int
class_of(size_t bytes)
{
    ensure(bytes <= PART_BYTES(SLAB_CLASSES - 1));
    return bytes <= PART_BYTES(0) ? 0 : 1;
}

static void
list_push(struct slab_frame **list, struct slab_frame *slab)
{
    slab->prev = NULL;
    slab->next = *list;
    if (*list != NULL)
        (*list)->prev = slab;
    *list = slab;
}

static void
list_remove(struct slab_frame **list, struct slab_frame *slab)
{
    *(slab->prev == NULL ? list : &slab->prev->next) = slab->next;
    if (slab->next != NULL)
        slab->next->prev = slab->prev;
}

static err_t
grow(struct cell *cell, int class)
{
    void *frame;
    err_t err = cell_take_frame(cell, cell, &frame);
    if (err == EXO_OK) {
        struct slab_frame *slab = frame;
        slab->part_bytes = PART_BYTES(class);
        slab->free = slab_parts(slab->part_bytes);
        list_push(&cell->slabs[class], slab);
    }
    return err;
}

err_t
cell_take_object(struct cell *cell, size_t bytes, void **object)
{
    int class = class_of(bytes);
    err_t err = EXO_OK;
    lock_acquire(&cell->slab_lock);
    if (cell->slabs[class] == NULL)
        err = grow(cell, class);
    if (err == EXO_OK) {
        struct slab_frame *slab = cell->slabs[class];
        uint32_t part = (uint32_t)__builtin_ctz(slab->free);
        slab->free &= slab->free - 1;
        if (slab->free == 0)
            list_remove(&cell->slabs[class], slab);
        *object = (char *)slab + (size_t)part * slab->part_bytes;
        memset(*object, 0, slab->part_bytes);
    }
    lock_release(&cell->slab_lock);
    return err;
}

void
cell_put_object(struct cell *cell, void *object, size_t bytes)
{
    int class = class_of(bytes);
    struct slab_frame *slab = slab_of(object);
    uint32_t part = slab_part(slab, object);
    lock_acquire(&cell->slab_lock);
    if (slab->free == 0)
        list_push(&cell->slabs[class], slab);
    slab->free |= 1u << part;
    bool empty = slab->free == slab_parts(slab->part_bytes);
    if (empty)
        list_remove(&cell->slabs[class], slab);
    lock_release(&cell->slab_lock);
    if (empty)
        cell_put_frame(cell, slab);
}
