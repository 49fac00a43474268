/* virtio-blk over an extent (virtio 1.2 §5.2); the kernel makes headers and checks the sectors. */
#include <blk/blk.h>
#include <rt/time.h>

enum { STATUS_OK = 0, STATUS_IO_ERROR = 1, STATUS_UNSUPPORTED = 2 };

int64_t
blk_open(struct blk *blk, const struct vq_source *source, uint64_t event)
{
    *blk = (struct blk){.event = event};
    int64_t err = vq_open(&blk->vq, source);
    if (err != EXO_OK)
        return err;
    err = vq_bind(blk->vq.slot, EXO_BOOT_VCPU, event);
    if (err != EXO_OK)
        blk_close(blk);
    return err;
}

void
blk_close(struct blk *blk)
{
    vq_close(&blk->vq);
}

static bool
send(struct blk *blk, struct blk_request *request)
{
    static const struct vq_part nothing;
    bool none = request->part_count == 0;
    return vq_add_block(&blk->vq, request->operation, request->sector,
                        none ? &nothing : request->part, none ? 1 : request->part_count,
                        (uint64_t)(uintptr_t)request);
}

bool
blk_submit(struct blk *blk, struct blk_request *request)
{
    request->retries = 0;
    return send(blk, request);
}

/* Whether the request is over; a failed one is sent again a few times first. */
static bool
is_over(struct blk *blk, struct blk_request *request, uint8_t status)
{
    request->result = status == STATUS_OK            ? EXO_OK
                      : status == STATUS_UNSUPPORTED ? EXO_E_RIGHT
                                                     : EXO_E_STATE;
    if (status == STATUS_IO_ERROR && request->retries < BLK_RETRIES) {
        request->retries++;
        blk->retried++;
        return !send(blk, request);
    }
    blk->failed += status != STATUS_OK;
    return true;
}

uint32_t
blk_poll(struct blk *blk)
{
    struct vq_done done;
    uint32_t finished = 0;
    (void)vq_flush(&blk->vq, false);
    while (vq_poll(&blk->vq, &done)) {
        struct blk_request *request = (struct blk_request *)(uintptr_t)done.cookie;
        if (is_over(blk, request, done.status)) {
            finished++;
            request->done(request, request->context);
        }
    }
    return finished;
}

uint32_t
blk_wait(struct blk *blk, uint64_t deadline_ticks)
{
    uint32_t finished = 0;
    while (finished == 0 && vq_wait(&blk->vq, blk->event, deadline_ticks))
        finished = blk_poll(blk);
    return finished;
}

static void
note_done(struct blk_request *request, void *context)
{
    (void)request;
    *(bool *)context = true;
}

int64_t
blk_transfer(struct blk *blk, enum exo_block_operation operation, uint64_t sector, uint16_t region,
             uint32_t offset, uint32_t length, uint64_t deadline_ticks)
{
    bool over = false;
    struct blk_request request = {
        .operation = operation,
        .part_count = 1,
        .sector = sector,
        .part = {{region, operation == EXO_BLOCK_READ, offset, length}},
        .done = note_done,
        .context = &over,
    };
    if (!blk_submit(blk, &request))
        return blk->vq.error != EXO_OK ? blk->vq.error : EXO_E_LIMIT;
    while (!over) {
        if (blk_wait(blk, deadline_ticks) == 0) {
            blk->failed++;
            if (blk->vq.error == EXO_OK)
                blk->vq.error = EXO_E_TIMEOUT;
            return blk->vq.error;
        }
    }
    return request.result;
}
