/*
 * What regions show beside zeros: an object has pages, each filled when it is first touched, and
 * then the same frame for every region that shows it.
 *
 * fill() runs in the thread that faulted, with upcalls allowed: it may wait, and it may not touch
 * the page that it fills but through `to`. Two threads that touch one page cause one fill; a page
 * is visible to nobody before fill has returned EXO_OK.
 *
 * A pager with frames and mappings of its own has bring() instead. Such an object is shown by one
 * region, which is only read; whoever maps it takes its pages away before the region goes.
 */
#ifndef VM_OBJECT_H
#define VM_OBJECT_H

#include <stdint.h>

struct vm_object;

struct vm_pager {
    /* Makes `to` (a page, zero) what page `number` of the object is to be. Any error: the access
     * fails as if nothing were mapped there. */
    int64_t (*fill)(struct vm_object *object, uint64_t number, void *to);
    /* The last reference is gone. */
    void (*gone)(struct vm_object *object);
    /* NULL, or instead of fill: maps page `number` itself, which may be there already. Called by
     * each thread that touched it, at once. */
    int64_t (*bring)(struct vm_object *object, uint64_t number);
};

struct vm_object {
    const struct vm_pager *pager;
    void *own;                 /* the pager's */
    uint64_t pages;            /* accesses behind them fail */
    uint32_t references, slot; /* vm's, as is what follows */
    struct vm_object *next;
    _Atomic uint32_t *page; /* enum page_state or a frame, for each page */
};

/* An object of so many pages, with one reference; NULL: no memory for its table. */
struct vm_object *vm_object_make(const struct vm_pager *pager, void *own, uint64_t pages);

void vm_object_hold(struct vm_object *object);

/* Gives a reference back. With the last one its frames are free, and it is gone. */
void vm_object_drop(struct vm_object *object);

#endif
