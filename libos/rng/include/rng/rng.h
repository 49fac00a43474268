/* Entropy from a virtio-rng device (virtio 1.2 §5.4). */
#ifndef RNG_RNG_H
#define RNG_RNG_H

#include <virtio/queue.h>

struct rng {
    struct vq vq;
    struct rt_memory memory; /* a page that the device writes */
    uint16_t region;
    uint64_t event;
};

/* Opens the device (its session and its queue), paid by the program's own cell. */
int64_t rng_open(struct rng *rng, uint32_t device, uint64_t event);
void rng_close(struct rng *rng);

/* Fills `to`; EXO_E_TIMEOUT when the device gave too little until the deadline. */
int64_t rng_read(struct rng *rng, void *to, uint32_t bytes, uint64_t deadline_ticks);

#endif
