/*
 * Extents: requests to a block device (virtio 1.2 §5.2.6), within the sectors of a capability.
 *
 * The owner's ids are 0 to ids - 1, for data. Around it go the kernel's header (descriptor ids +
 * head), which is what the device finds in the available ring, and the status byte (2 * ids +
 * head).
 */
#include "virtio/queue.h"

#include "arch/mmu.h"

void
block_prepare(struct queue *queue)
{
    queue->ids = queue->first_head = (uint16_t)((queue->mask + 1) / 4);
    for (uint16_t id = 0; id < queue->ids; id++) {
        struct virtq_descriptor *header = &queue->descriptors[queue->ids + id];
        *header = (struct virtq_descriptor){linear_to_pa(&queue->driver->headers[id]),
                                            sizeof(struct block_header), EXO_DESCRIPTOR_NEXT, id};
        header[queue->ids] =
            (struct virtq_descriptor){.address = linear_to_pa(&queue->page->status[id]),
                                      .length = 1,
                                      .flags = EXO_DESCRIPTOR_WRITE};
    }
}

err_t
block_request(struct queue *queue, const struct cap *cap, const struct exo_descriptor *first,
              const uint64_t bytes[2])
{
    bool write = first->operation == EXO_BLOCK_WRITE;
    uint64_t data = bytes[!write];
    if (!(cap->rights & (write ? EXO_WRITE : EXO_READ)))
        return EXO_E_RIGHT;
    if (bytes[write] != 0 || data % EXO_SECTOR_BYTES != 0)
        return EXO_E_ARG;
    if (!range_fits(first->sector, data / EXO_SECTOR_BYTES, cap->count))
        return EXO_E_RANGE;
    block_header(queue->driver, queue->page, first->id, first->operation,
                 cap->base + first->sector);
    return EXO_OK;
}

err_t
block_command(struct queue *queue, const struct cap *cap, const struct exo_descriptor *command)
{
    bool flush = command->operation == EXO_BLOCK_FLUSH;
    uint32_t id = command->id, sectors = command->length / EXO_SECTOR_BYTES;
    if ((!flush && command->operation != EXO_BLOCK_DISCARD) || command->flags != 0 ||
        command->length % EXO_SECTOR_BYTES != 0 || flush != (command->length == 0))
        return EXO_E_ARG;
    if (!(cap->rights & (flush ? EXO_EXEC : EXO_CONTROL)))
        return EXO_E_RIGHT;
    if (id >= queue->ids || !range_fits(command->sector, sectors, cap->count))
        return EXO_E_RANGE;
    struct shadow *shadow = &queue->shadow[id];
    if (shadow->state != ID_FREE)
        return EXO_E_OCCUPIED;
    struct block_segment *segment = &queue->driver->segments[id];
    *segment = (struct block_segment){.sector = cap->base + command->sector, .count = sectors};
    /* Behind the header always comes the id's own descriptor: a flush has the status there. */
    struct virtq_descriptor data = {linear_to_pa(segment), sizeof(*segment), EXO_DESCRIPTOR_NEXT,
                                    (uint16_t)(2 * queue->ids + id)};
    if (flush)
        data = (struct virtq_descriptor){linear_to_pa(&queue->page->status[id]), 1,
                                         EXO_DESCRIPTOR_WRITE, 0};
    queue->descriptors[id] = data;
    block_header(queue->driver, queue->page, id, command->operation, 0);
    shadow->next = (uint8_t)id;
    shadow->region = NO_REGION;
    queue->in_flight[NO_REGION]++;
    return EXO_OK;
}
