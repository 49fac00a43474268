/* What the files of vm know of each other. All of it is under one lock, held `inside`. */
#ifndef VM_PRIVATE_H
#define VM_PRIVATE_H

#include <rt/call.h>
#include <rt/console.h>
#include <rt/fp.h>
#include <rt/frames.h>
#include <rt/start.h>
#include <rt/string.h>
#include <rt/sync.h>
#include <rt/time.h>
#include <rt/upcall.h>
#include <rt/vcpu.h>
#include <sched/sync.h>
#include <vm/object.h>
#include <vm/vm.h>

#define PAGE        ((uint64_t)EXO_PAGE_BYTES)
#define BLOCK_BYTES (EXO_BLOCK_PAGES * PAGE)

/* Windows for vm's own use, above what it gives out: one page each, with a page between. */
#define WINDOW_ZERO 0u /* to clear a frame */
#define WINDOW_COPY 1u /* to copy from */
#define WINDOW_FILL 2u /* the first of those that pagers fill */
#define FILLS_MAX   32u

static inline uint64_t
window_va(uint32_t window)
{
    return VM_END + 2 * PAGE * window;
}

/* Protects everything of vm but the counts of references, which have it too. No lock behind it but
 * those of rt. vm_unlock finishes what may not happen under it. */
void vm_lock(void);
void vm_unlock(void);

extern struct vm_counts counts;

/* --- frames.c ----------------------------------------------------------------------------------
 */

/* A frame: the run that it is in, and its place there. */
#define FRAME_RUN_SHIFT 9
#define FRAME_BITS      20
#define FRAME_MASK      ((1u << FRAME_BITS) - 1)

/* Zeroed memory that stays, and is resident; NULL: none is left. */
void *meta_take(uint32_t bytes);

/* A frame full of zeros. EXO_E_LIMIT, EXO_E_MEMORY. */
int64_t frame_take(uint32_t *frame);

/* The first of EXO_BLOCK_PAGES frames on a 2 MiB boundary. */
int64_t frame_take_block(uint32_t *frame);

void frame_give(uint32_t frame);
struct exo_map frame_entry(uint32_t frame, uint64_t va, uint32_t pages, uint32_t prot);

/* Maps a frame in a window, and takes it away again. */
void *window_open(uint32_t window, uint32_t frame, uint32_t prot);
void window_close(uint32_t window);

/* Gives whole free runs back to the cell, until `wanted` frames are given; how many were. */
uint64_t frames_return(uint64_t wanted);

/* --- pages.c -----------------------------------------------------------------------------------
 */

/* What is known of a page: a frame in the low bits, and these; 0: nothing. */
#define PAGE_HELD    0x80000000u /* it has a frame */
#define PAGE_MAPPED  0x40000000u /* ... that is mapped, */
#define PAGE_WRITE   0x20000000u /* writable, */
#define PAGE_EXEC    0x10000000u /* executable; */
#define PAGE_OBJECT  0x08000000u /* the frame belongs to an object */
#define PAGE_PROTECT (PAGE_MAPPED | PAGE_WRITE | PAGE_EXEC)

/* The word of an address; NULL: there is none yet, or (with `make`) no memory for it. */
uint32_t *page_word(uint64_t va, bool make);

/* Maps the page's frame with prot (enum vm_prot), anew where it is mapped otherwise. */
int64_t page_map(uint64_t va, uint32_t *word, uint32_t prot);

/* Unmaps pages; they keep their frames. */
void pages_hide(uint64_t va, uint64_t end);

/* The same, and their frames are free. */
void pages_forget(uint64_t va, uint64_t end);

/* --- region.c ----------------------------------------------------------------------------------
 */

struct region {
    uint64_t start, end;
    uint32_t prot, flags;
    struct vm_object *object;
    uint64_t offset; /* bytes of the object at `start` */
};

/* The region with that address; the first one that ends behind it. NULL: there is none. */
struct region *region_find(uint64_t va);
struct region *region_from(uint64_t va);
struct region *region_next(struct region *region);

/* Where a region of so many bytes fits; 0: nowhere. */
uint64_t region_room(uint64_t bytes, uint64_t align);

/* Whether two more regions fit: every change below makes at most two. */
bool regions_have_room(void);
void region_add(const struct region *region);
void region_remove(struct region *region);

/* Afterwards no region lies on both sides of `va`. */
void region_split(uint64_t va);

/* --- object.c, fault.c, fill.S -----------------------------------------------------------------
 */

/* What a page of an object is; else READY and its frame. A futex word. */
enum page_state { OBJECT_EMPTY = 0, OBJECT_FILLING = 1 };
#define OBJECT_READY 0x80000000u

/* Under the lock: gives a reference back. */
void object_release(struct vm_object *object);

/* Under the lock: objects without references since the last call; NULL: none. */
struct vm_object *object_take_dead(void);
bool object_has_dead(void); /* a guess, without the lock */
void object_bury(struct vm_object *object);

/* In a thread: makes the page READY, or waits until somebody has; or the pager maps it. */
int64_t object_fill(struct vm_object *object, uint64_t number);

/* A fault that has to wait for a pager: a thread's interrupted context, while it runs fill_thread.
 */
_Static_assert(sizeof(struct exo_context) == 272, "fill.S knows it");
struct fault {
    struct exo_context context;
    uint64_t fp_bytes; /* fill.S knows where this is */
    struct rt_upcall upcall;
    struct vm_object *object;
    uint64_t number;
    struct fault *next;
};
void fill_begins(void); /* x0 = struct fault */
_Noreturn void fill_thread(struct fault *fault, const void *fp);

/* Under the lock: anonymous page, or one that is there already. EXO_E_AGAIN: the object has to fill
 * it. EXO_E_RANGE: nothing is there, or it may not be accessed so. */
int64_t fault_resolve(uint64_t va, uint32_t access, struct region **region);

#endif
