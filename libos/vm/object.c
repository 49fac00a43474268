/* Objects: pages that several regions show, each filled once. */
#include "private.h"

static struct vm_object *_Atomic dead; /* without references: buried outside of the lock */
static _Atomic uint32_t windows_taken; /* bits of the fill windows; a futex word */

struct vm_object *
vm_object_make(const struct vm_pager *pager, void *own, uint64_t pages)
{
    uint64_t table = pager->bring == NULL ? pages * sizeof(uint32_t) : 0;
    uint64_t bytes = sizeof(struct vm_object) + table;
    struct rt_memory memory;
    int64_t err = rt_memory_take((uint32_t)((bytes + PAGE - 1) / PAGE),
                                 EXO_PROT_READ | EXO_PROT_WRITE, &memory);
    if (err != EXO_OK)
        return NULL;
    struct vm_object *object = memory.at;
    *object = (struct vm_object){.pager = pager, .own = own, .pages = pages, .references = 1};
    object->slot = memory.slot;
    object->page = table > 0 ? (_Atomic uint32_t *)(void *)(object + 1) : NULL;
    return object;
}

void
vm_object_hold(struct vm_object *object)
{
    vm_lock();
    object->references++;
    vm_unlock();
}

void
object_release(struct vm_object *object)
{
    if (--object->references == 0) {
        object->next = dead;
        dead = object;
    }
}

void
vm_object_drop(struct vm_object *object)
{
    vm_lock();
    object_release(object);
    vm_unlock();
}

bool
object_has_dead(void)
{
    return atomic_load_explicit(&dead, memory_order_relaxed) != NULL;
}

struct vm_object *
object_take_dead(void)
{
    struct vm_object *object = dead;
    if (object == NULL)
        return NULL;
    dead = object->next;
    for (uint64_t i = 0; object->page != NULL && i < object->pages; i++) {
        uint32_t word = atomic_load_explicit(&object->page[i], memory_order_relaxed);
        if (word & OBJECT_READY)
            frame_give(word & FRAME_MASK);
    }
    return object;
}

void
object_bury(struct vm_object *object)
{
    uint32_t slot = object->slot;
    object->pager->gone(object);
    (void)rt_drop(slot);
    rt_slot_put(slot);
}

static uint32_t
take_window(void)
{
    for (;;) {
        uint32_t taken = atomic_load(&windows_taken);
        if (taken == UINT32_MAX) {
            (void)futex_wait(&windows_taken, taken, EXO_FOREVER);
        } else {
            uint32_t bit = (uint32_t)__builtin_ctz(~taken);
            if (atomic_compare_exchange_strong(&windows_taken, &taken, taken | 1u << bit))
                return bit;
        }
    }
}

static void
put_window(uint32_t bit)
{
    atomic_fetch_and(&windows_taken, ~(1u << bit));
    (void)futex_wake(&windows_taken, 1);
}

/* The page is FILLING, so that it is ours alone. */
static int64_t
fill_frame(struct vm_object *object, uint64_t number, uint32_t *frame)
{
    uint32_t bit = take_window();
    vm_lock();
    int64_t err = frame_take(frame);
    void *to = err == EXO_OK
                   ? window_open(WINDOW_FILL + bit, *frame, EXO_PROT_READ | EXO_PROT_WRITE)
                   : NULL;
    vm_unlock();
    if (to != NULL)
        err = object->pager->fill(object, number, to);
    vm_lock();
    counts.fills += to != NULL;
    if (to != NULL)
        window_close(WINDOW_FILL + bit);
    else if (err == EXO_OK)
        err = EXO_E_MEMORY;
    vm_unlock();
    put_window(bit);
    return err;
}

int64_t
object_fill(struct vm_object *object, uint64_t number)
{
    if (object->pager->bring != NULL)
        return object->pager->bring(object, number);
    _Atomic uint32_t *word = &object->page[number];
    uint32_t state = OBJECT_EMPTY, frame = FRAME_MASK;
    if (!atomic_compare_exchange_strong(word, &state, OBJECT_FILLING)) {
        if (state == OBJECT_FILLING)
            (void)futex_wait(word, OBJECT_FILLING, EXO_FOREVER);
        return EXO_OK; /* READY, or to be tried again */
    }
    int64_t err = fill_frame(object, number, &frame);
    vm_lock();
    if (err != EXO_OK && frame != FRAME_MASK)
        frame_give(frame);
    atomic_store(word, err == EXO_OK ? OBJECT_READY | frame : OBJECT_EMPTY);
    vm_unlock();
    (void)futex_wake(word, UINT32_MAX);
    return err;
}
