/*
 * A virtio PCI device (virtio 1.2) and its queues, for programs that trust themselves: nothing is
 * checked, the rings are written in place, completions are polled for, the device never interrupts.
 */
#pragma once

#include <stdint.h>

#define VIRTIO_NET 1u
#define VIRTIO_BLK 2u

#define QUEUE_ENTRIES    256u
#define DESCRIPTOR_NEXT  1u
#define DESCRIPTOR_WRITE 2u /* the device writes */

struct descriptor {
    uint64_t address;
    uint32_t length;
    uint16_t flags, next;
};

/* A split virtqueue as the device sees it: §2.7. */
struct ring {
    struct descriptor descriptors[QUEUE_ENTRIES];
    struct {
        uint16_t flags, index, heads[QUEUE_ENTRIES], used_event;
    } available;
    _Alignas(4096) struct {
        uint16_t flags, index;
        struct {
            uint32_t id, length;
        } elements[QUEUE_ENTRIES];
        uint16_t available_event;
    } used;
} __attribute__((aligned(4096)));

struct queue {
    struct ring *ring;
    volatile uint16_t *doorbell;
    uint16_t number;    /* of the virtqueue in its device */
    uint16_t added;     /* next index of the available ring */
    uint16_t published; /* what the device has seen of it */
    uint16_t consumed;  /* next index of the used ring */
};

struct device {
    volatile struct common *common;
    volatile uint8_t *notify;
    volatile uint8_t *config; /* device-specific */
    uint32_t notify_multiplier;
};

/* Finds the first device of a type on bus 0, resets it and negotiates VERSION_1, EVENT_IDX. */
void device_open(struct device *device, uint32_t type);

/* Gives the device a ring for its virtqueue `number`. Before device_start. */
void queue_open(struct queue *queue, struct device *device, uint16_t number, struct ring *ring);

/* DRIVER_OK. */
void device_start(struct device *device);

/* Puts the chain that begins with a descriptor into the available ring, which queue_publish shows
   the device. */
static inline void
queue_add(struct queue *queue, uint16_t head)
{
    queue->ring->available.heads[queue->added++ % QUEUE_ENTRIES] = head;
}

/* Shows the device all that was added, and rings the doorbell if the device asks for it:
   §2.7.13.3, §2.7.10. */
static inline void
queue_publish(struct queue *queue)
{
    uint16_t old = queue->published;
    if (queue->added == old)
        return;
    queue->published = queue->added;
    /* As far away as can be: the device is never to interrupt. */
    queue->ring->available.used_event = (uint16_t)(queue->consumed + 0x8000u);
    __atomic_store_n(&queue->ring->available.index, queue->added, __ATOMIC_RELEASE);
    /* As exo/arch/hint.h: barriers alone are dropped where there is one CPU. */
    __asm__ volatile("dmb osh\n\tmrs xzr, cntvct_el0" ::
                         : "memory"); /* the index before available_event and the doorbell */
    uint16_t event = __atomic_load_n(&queue->ring->used.available_event, __ATOMIC_RELAXED);
    if ((uint16_t)(queue->added - event - 1) < (uint16_t)(queue->added - old))
        *queue->doorbell = queue->number;
}

/* The index up to which the device has used. */
static inline uint16_t
queue_used(const struct queue *queue)
{
    return __atomic_load_n(&queue->ring->used.index, __ATOMIC_ACQUIRE);
}

/* The head of the next chain that the device used; there must be one: consumed != queue_used(). */
static inline uint16_t
queue_take(struct queue *queue)
{
    return (uint16_t)queue->ring->used.elements[queue->consumed++ % QUEUE_ENTRIES].id;
}
