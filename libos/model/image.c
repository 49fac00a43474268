/* Reading a store image. */
#include <stdlib.h>
#include <string.h>

#include <model/image.h>

_Static_assert(sizeof(struct image_superblock) == IMAGE_SUPERBLOCK_BYTES, "it is a page");
_Static_assert(sizeof(struct image_entry) == 144, "entries have no holes");
_Static_assert(IMAGE_SUPERBLOCK_BYTES == STORE_ALIGN_BYTES, "the directory can be read");

int
image_compare(const struct image_entry *one, const struct image_entry *other)
{
    int order = strcmp(one->name, other->name);
    if (order == 0)
        order = (one->generation > other->generation) - (one->generation < other->generation);
    return order ? order : strcmp(one->path, other->path);
}

uint64_t
image_first_file(uint32_t entry_count)
{
    uint64_t end = IMAGE_SUPERBLOCK_BYTES + (uint64_t)entry_count * sizeof(struct image_entry);
    return (end + IMAGE_ALIGN_BYTES - 1) / IMAGE_ALIGN_BYTES * IMAGE_ALIGN_BYTES;
}

static bool
all_zero(const void *bytes, size_t count)
{
    const uint8_t *at = bytes;
    while (count > 0 && at[count - 1] == 0)
        count--;
    return count == 0;
}

/* Whether a text ends within its field, with nothing but zeros behind it. */
static bool
is_padded(const char *text, size_t room)
{
    const char *end = memchr(text, 0, room);
    return end && all_zero(end, (size_t)(text + room - end));
}

static bool
digest_is(const void *bytes, size_t count, const uint8_t expected[HASH_BYTES])
{
    struct hash hash;
    uint8_t digest[HASH_BYTES];
    hash_begin(&hash);
    hash_add(&hash, bytes, count);
    hash_end(&hash, digest);
    return memcmp(digest, expected, HASH_BYTES) == 0;
}

static bool
check_superblock(const struct image_superblock *block, const struct image_device *device,
                 struct why *why)
{
    if (memcmp(block->magic, IMAGE_MAGIC, sizeof(block->magic)) != 0)
        return why_set(why, "no store image: the magic number is not there");
    if (block->version != IMAGE_VERSION)
        return why_set(why, "the image has version %u, not %u", block->version, IMAGE_VERSION);
    if (!digest_is(block, offsetof(struct image_superblock, sha256), block->sha256))
        return why_set(why, "the superblock is damaged");
    if (block->entry_count > IMAGE_ENTRIES_MAX)
        return why_set(why, "%u entries, more than %u", block->entry_count, IMAGE_ENTRIES_MAX);
    if (block->image_bytes > device->bytes || block->image_bytes % IMAGE_ALIGN_BYTES ||
        block->image_bytes < image_first_file(block->entry_count))
        return why_set(why, "the image has %llu bytes, the device %llu",
                       (unsigned long long)block->image_bytes, (unsigned long long)device->bytes);
    return all_zero(block->zero, sizeof(block->zero)) ||
           why_set(why, "the superblock has bytes that mean nothing");
}

static bool
check_names(const struct image_entry *entry)
{
    return is_padded(entry->name, sizeof(entry->name)) && !manifest_check_name(entry->name) &&
           is_padded(entry->path, sizeof(entry->path)) &&
           (!manifest_check_path(entry->path) || strcmp(entry->path, MANIFEST_FILE) == 0 ||
            strcmp(entry->path, MANIFEST_LEAVES_FILE) == 0) &&
           entry->generation >= 1 && entry->generation <= INT64_MAX && entry->zero == 0;
}

/* Files do not overlap, because each begins behind the end of the one before it. */
static bool
check_entries(const struct image *image, uint64_t image_bytes, struct why *why)
{
    uint64_t end = image_first_file(image->entry_count);
    for (uint32_t i = 0; i < image->entry_count; i++) {
        const struct image_entry *entry = &image->entries[i];
        if (!check_names(entry))
            return why_set(why, "entry %u has a name that cannot be", i);
        if (i > 0 && image_compare(entry - 1, entry) >= 0)
            return why_set(why, "entry %u is not in order", i);
        if (entry->offset % IMAGE_ALIGN_BYTES || entry->offset < end ||
            entry->offset > image_bytes || entry->bytes > image_bytes - entry->offset)
            return why_set(why, "entry %u, %s/%llu/%s, does not lie in its place", i, entry->name,
                           (unsigned long long)entry->generation, entry->path);
        end = entry->offset + entry->bytes;
    }
    return true;
}

static bool
read_directory(struct image *image, const struct image_superblock *block, struct why *why)
{
    size_t bytes = (size_t)block->entry_count * sizeof(struct image_entry);
    size_t rounded = (size_t)store_round_up(bytes);
    image->entry_count = block->entry_count;
    image->entries = malloc(rounded + 1);
    if (!image->entries)
        return why_set(why, "no memory for the directory");
    if (rounded > 0 &&
        !image->device->read(image->device, IMAGE_SUPERBLOCK_BYTES, image->entries, rounded))
        return why_set(why, "the directory cannot be read");
    if (!digest_is(image->entries, bytes, block->directory_sha256))
        return why_set(why, "the directory is damaged");
    return check_entries(image, block->image_bytes, why);
}

/* The last entry that is of `name` and of a generation below `below`, or NULL. */
static const struct image_entry *
find_below(const struct image *image, const char *name, uint64_t below)
{
    const struct image_entry *found = NULL;
    for (uint32_t i = 0; i < image->entry_count; i++)
        if (strcmp(image->entries[i].name, name) == 0 && image->entries[i].generation < below)
            found = &image->entries[i];
    return found;
}

static bool
image_newest(struct store *store, const char *name, int64_t below, int64_t *generation)
{
    const struct image_entry *entry =
        below > 0 ? find_below((struct image *)store, name, (uint64_t)below) : NULL;
    if (entry)
        *generation = (int64_t)entry->generation;
    return entry != NULL;
}

static bool
image_open_file(struct store *store, const char *name, int64_t generation, const char *file,
                struct store_file *opened)
{
    const struct image *image = (struct image *)store;
    for (uint32_t i = 0; i < image->entry_count; i++) {
        const struct image_entry *entry = &image->entries[i];
        if ((int64_t)entry->generation == generation && strcmp(entry->name, name) == 0 &&
            strcmp(entry->path, file) == 0) {
            *opened = (struct store_file){.bytes = entry->bytes, .offset = entry->offset};
            return true;
        }
    }
    return false;
}

static void
image_close_file(struct store *store, struct store_file *file)
{
    (void)store;
    (void)file;
}

/* Rounding up stays within the image, which is a whole number of larger units. */
static bool
image_read_file(struct store *store, const struct store_file *file, uint64_t offset, void *to,
                size_t bytes)
{
    struct image_device *device = ((struct image *)store)->device;
    return bytes == 0 ||
           device->read(device, file->offset + offset, to, (size_t)store_round_up(bytes));
}

bool
image_open(struct image *image, struct image_device *device, struct why *why)
{
    struct image_superblock *block = malloc(sizeof(*block));
    bool fine = false;
    *image = (struct image){
        .store = {image_newest, image_open_file, image_close_file, image_read_file},
        .device = device,
    };
    if (!block)
        why_set(why, "no memory for the superblock");
    else if (device->bytes < sizeof(*block) || !device->read(device, 0, block, sizeof(*block)))
        why_set(why, "the superblock cannot be read");
    else
        fine = check_superblock(block, device, why) && read_directory(image, block, why);
    free(block);
    if (!fine)
        image_close(image);
    return fine;
}

void
image_close(struct image *image)
{
    free(image->entries);
    image->entries = NULL;
}
