/*
 * Memory for programs that manage little of it: capability slots from a bitmap, addresses from a
 * counter, runs of frames mapped at fresh addresses. All of it may be used from every vCPU.
 */
#ifndef RT_FRAMES_H
#define RT_FRAMES_H

#include <rt/again.h>
#include <stdbool.h>

/*
 * Slots below RT_SLOT_FIRST have fixed meanings: those of enum exo_boot_slot (in a child: what its
 * parent granted there), and RT_SLOT_GRANT on for what rt_spawn grants. So have in init those of
 * devices, of which there may be more.
 */
#define RT_SLOT_GRANT 24u
#define RT_SLOT_FIRST 40u

/* Addresses that rt_va_take gives out; fixed ones lie below (exo/abi.h, rt.lds). */
#define RT_VA_START 0x10000000ull
#define RT_VA_END   0x4000000000ull

/*
 * An unused slot of the own table, which grows by a page when it is full; EXO_NONE when it cannot.
 * The table itself is not looked at: who fills slots above RT_SLOT_FIRST otherwise is on their own.
 */
uint32_t rt_slot_take(void);
void rt_slot_put(uint32_t slot);

/* Drops what is in every slot that was taken, and puts the slots back: the last first. */
void rt_slots_clear(void);

/* Addresses for so many pages, with one unmapped page behind them; aligned to a power of two. */
uint64_t rt_va_take(uint64_t pages, uint64_t align_bytes);

/* All addresses taken since a mark are free again: nothing may be mapped there any more. */
uint64_t rt_va_mark(void);
void rt_va_release(uint64_t mark);

/* A run of frames, mapped. */
struct rt_memory {
    uint32_t slot, pages;
    uint64_t pfn;
    void *at;
};

/* `pages` contiguous frames of this program's cell, mapped with prot and zero. */
int64_t rt_memory_take(uint32_t pages, uint32_t prot, struct rt_memory *memory);

/* The same from another cell. */
int64_t rt_memory_take_from(uint32_t cell, uint32_t pages, uint32_t prot, struct rt_memory *memory);

/* Drops the frames, which unmaps them. */
void rt_memory_put(struct rt_memory *memory);

/* Maps pages [first, first + pages) of a frames capability of the own table; NULL: *error says. */
void *rt_map_at_any(uint32_t slot, uint32_t first, uint32_t pages, uint32_t prot, int64_t *error);

/* Frames that this program's cell can still take. */
uint64_t rt_frames_free(void);

int64_t rt_map_pages(uint64_t va, uint32_t slot, uint32_t first, uint32_t pages, uint32_t prot);
int64_t rt_unmap_pages(uint64_t va, uint32_t pages);
int64_t rt_protect_pages(uint64_t va, uint32_t slot, uint32_t first, uint32_t pages, uint32_t prot);

#endif
