/* Two address spaces and what tests do with them. */
#include "space.h"
#include "tap.h"

#define FRAMES 8192u

struct vspace space, other;
pfn_t run;
uint32_t budget;
uint64_t done;
static int owner;

pfn_t
take(uint64_t count)
{
    uint64_t got;
    pfn_t base;
    CHECK_EQ(frame_take(count, EXO_ALLOC_BLOCK, 0, &owner, &base, &got), EXO_OK);
    return base;
}

void
setup(uint64_t frames)
{
    fake_machine(FRAMES, 4);
    fake_cell_frames = 1000;
    CHECK_EQ(vspace_init(&space, NULL), EXO_OK);
    CHECK_EQ(vspace_init(&other, NULL), EXO_OK);
    run = take(frames);
    budget = FRAMES;
    CHECK_EQ(frame_clean(run, frames, &budget), EXO_OK);
    budget = FRAMES;
}

err_t
map_at(va_t va, pfn_t base, uint64_t pages, uint32_t prot)
{
    return vspace_map(&space, va, base, pages, prot, VSPACE_MEMORY, &budget, &done);
}

err_t
protect(pfn_t base, uint64_t pages, uint32_t prot)
{
    return vspace_protect(&space, VA, base, pages, prot, &done);
}

err_t
unmap(va_t va, uint64_t pages)
{
    return vspace_unmap(&space, va, pages, false, &done);
}

bool
is_mapped(va_t va, pfn_t expected, uint32_t prot)
{
    pfn_t pfn;
    uint32_t found;
    return vspace_find(&space, va, &pfn, &found) == EXO_OK && pfn == expected && found == prot;
}

bool
is_hole(va_t va)
{
    pfn_t pfn;
    uint32_t found;
    return vspace_find(&space, va, &pfn, &found) == EXO_E_FAULT;
}

uint64_t
writable(pfn_t pfn)
{
    return frame_of(pfn)->use & 0xffff;
}

uint64_t
executable(pfn_t pfn)
{
    return frame_of(pfn)->use >> 16 & 0xffff;
}

void
run_on(uint32_t cpu, struct vspace *active)
{
    uint32_t before = fake_cpu;
    fake_cpu = cpu;
    vspace_activate(active);
    fake_cpu = before;
}
