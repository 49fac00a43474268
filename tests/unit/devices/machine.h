/*
 * The kernel and three simulated devices (fake_virtio.h); at the end of a test nothing may be left
 * of it. Functions end the test when a call fails that they make for it.
 */
#ifndef TESTS_DEVICES_MACHINE_H
#define TESTS_DEVICES_MACHINE_H

#include "fake_kernel.h"
#include "fake_virtio.h"

#define CELL  EXO_BOOT_CELL
#define RNG   (FAKE_DEVICE_SLOT + FAKE_RNG)
#define BLOCK (FAKE_DEVICE_SLOT + FAKE_BLOCK)
#define NET   (FAKE_DEVICE_SLOT + FAKE_NET)
#define READ  EXO_READ
#define WRITE EXO_WRITE
#define BOTH  (EXO_READ | EXO_WRITE)
#define W     EXO_DESCRIPTOR_WRITE
#define N     EXO_DESCRIPTOR_NEXT

static struct fake_device *const rng = &fake_devices[FAKE_RNG];
static struct fake_device *const block = &fake_devices[FAKE_BLOCK];
static struct fake_device *const net = &fake_devices[FAKE_NET];

/* CELL's at the start. Tests add what they leave, such as page tables. */
extern struct exo_cell_info accounts;

void begin_devices(void);

/* Everything that the test made is dropped (slots 24 to 63); nothing may be left, no line may have
 * an owner, and no access was a bad one. */
void end_devices(void);

/* A cell that may have so many frames. */
void make_cell(uint64_t slot, uint32_t frames);

/* queue_submit of `count` buffers; what it returns. */
int64_t submit(uint64_t queue, const struct exo_descriptor *d, unsigned count, uint64_t consumed,
               bool arm);

/* What the kernel knows of what the slot names: for looking only. */
struct exo_queue_info info_of(uint64_t queue);
struct queue *queue_at(uint64_t slot);
unsigned char *frame_at(uint64_t slot, uint64_t page);

/* Bits that init was told, and takes. */
uint64_t take_events(void);

#endif
