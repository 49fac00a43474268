/*
 * A queue of a device, and batches of buffers for it. Where a test has one queue, it and what it
 * needs are in these slots.
 */
#ifndef TESTS_DEVICES_BUFFERS_H
#define TESTS_DEVICES_BUFFERS_H

#include "machine.h"

#define QUEUE  40u
#define RING   41u
#define FRAMES 42u

/* The next batch, which submit_batch does not change. */
extern struct exo_descriptor batch[EXO_SUBMIT_MAX + 1];

/* Entry i of the next batch: a buffer of a queue. */
void put_buffer(unsigned i, uint16_t id, uint16_t region, uint16_t flags, uint32_t offset,
                uint32_t length);

/* The first `count` of the batch; as submit(). */
int64_t submit_batch(uint64_t queue, unsigned count, uint64_t consumed, bool arm);

/* Frames of `cell`, registered with the queue; the number of the region. */
uint64_t add_region(uint64_t queue, uint64_t cell, uint64_t slot, uint64_t pages, uint64_t access);

/* The entropy device with its queue open, and a region of four pages in FRAMES. */
void open_rng(void);

/* As many chains of one buffer as asked for, ids and pages in order. */
void fly(uint64_t queue, unsigned count, uint16_t region);

#endif
