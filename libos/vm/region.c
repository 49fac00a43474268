/* Regions, in an array sorted by address. */
#include "private.h"

static struct region regions[VM_REGIONS_MAX];
static uint32_t region_count;

struct region *
region_from(uint64_t va)
{
    uint32_t low = 0, high = region_count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (regions[middle].end > va)
            high = middle;
        else
            low = middle + 1;
    }
    return low < region_count ? &regions[low] : NULL;
}

struct region *
region_find(uint64_t va)
{
    struct region *region = region_from(va);
    return region != NULL && region->start <= va ? region : NULL;
}

struct region *
region_next(struct region *region)
{
    return region + 1 < regions + region_count ? region + 1 : NULL;
}

/* First fit, with a page between neighbours. */
uint64_t
region_room(uint64_t bytes, uint64_t align)
{
    uint64_t at = VM_START;
    for (uint32_t i = 0; i <= region_count; i++) {
        uint64_t end = i < region_count ? regions[i].start : VM_END;
        at = (at + align - 1) & ~(align - 1);
        if (at < end && end - at > bytes)
            return at;
        at = i < region_count ? regions[i].end + PAGE : at;
    }
    return 0;
}

bool
regions_have_room(void)
{
    return region_count + 2 <= VM_REGIONS_MAX;
}

void
region_add(const struct region *region)
{
    struct region *behind = region_from(region->start);
    uint32_t at = behind == NULL ? region_count : (uint32_t)(behind - regions);
    memmove(&regions[at + 1], &regions[at], (region_count - at) * sizeof(*region));
    regions[at] = *region;
    region_count++;
}

void
region_remove(struct region *region)
{
    uint32_t at = (uint32_t)(region - regions);
    region_count--;
    memmove(region, region + 1, (region_count - at) * sizeof(*region));
}

void
region_split(uint64_t va)
{
    struct region *region = region_find(va);
    if (region == NULL || region->start == va)
        return;
    struct region upper = *region;
    upper.start = va;
    upper.offset += va - region->start;
    if (upper.object != NULL)
        upper.object->references++;
    region->end = va;
    region_add(&upper);
}
