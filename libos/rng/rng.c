/* One request at a time: entropy is asked for rarely, and in small amounts. */
#include <rng/rng.h>
#include <rt/string.h>

static int64_t
start(struct rng *rng, uint32_t device, uint64_t event)
{
    const struct vq_source source = {.cell = EXO_BOOT_CELL, .device = device};
    int64_t err = vq_open_device(EXO_BOOT_CELL, device, 1, 0);
    if (err != EXO_OK)
        return err;
    err = vq_open(&rng->vq, &source);
    if (err == EXO_OK)
        err = rt_memory_take(1, EXO_PROT_READ, &rng->memory);
    int64_t region = err == EXO_OK ? vq_region(&rng->vq, rng->memory.slot, 0, 1, EXO_WRITE) : err;
    rng->region = (uint16_t)region;
    return region < 0 ? region : vq_bind(rng->vq.slot, EXO_BOOT_VCPU, event);
}

int64_t
rng_open(struct rng *rng, uint32_t device, uint64_t event)
{
    *rng = (struct rng){.event = event, .vq = {.error = EXO_E_SLOT}};
    int64_t err = start(rng, device, event);
    if (err != EXO_OK)
        rng_close(rng);
    return err;
}

void
rng_close(struct rng *rng)
{
    vq_close(&rng->vq);
    if (rng->memory.at != NULL)
        rt_memory_put(&rng->memory);
}

int64_t
rng_read(struct rng *rng, void *to, uint32_t bytes, uint64_t deadline_ticks)
{
    char *at = to;
    while (bytes > 0) {
        uint32_t length = bytes < EXO_PAGE_BYTES ? bytes : EXO_PAGE_BYTES;
        const struct vq_part part = {rng->region, true, 0, length};
        struct vq_done done;
        if (!vq_add(&rng->vq, &part, 1, 0))
            return rng->vq.error;
        if (!vq_wait(&rng->vq, rng->event, deadline_ticks) || !vq_poll(&rng->vq, &done))
            return rng->vq.error != EXO_OK ? rng->vq.error : EXO_E_TIMEOUT;
        if (done.length > length)
            return EXO_E_RANGE;
        memcpy(at, rng->memory.at, done.length);
        at += done.length;
        bytes -= done.length;
    }
    return EXO_OK;
}
