/* Kept beginnings of prompts go first, then weights that can be read and packed again. */
#include "room.h"

#include <stdlib.h>

bool
room_make(struct serve *serve, unsigned *stage, size_t bytes, bool must)
{
    const struct serve_memory *memory = serve->options.memory;
    if ((*stage)++ == 0) {
        if (prompt_cache_drop(&serve->cache))
            return true;
        ++*stage;
    }
    return *stage == 2 && memory != NULL && memory->make_room(bytes, must);
}

void *
room_take(struct serve *serve, size_t bytes)
{
    void *memory = malloc(bytes);
    for (unsigned stage = 0; memory == NULL && room_make(serve, &stage, bytes, true);)
        memory = malloc(bytes);
    return memory;
}

/* --- Places ----------------------------------------------------------------------------------- */

static size_t
sequence_bytes(const struct serve *serve)
{
    return engine_arena_round(
        engine_sequence_bytes(serve->engine, engine_model_of(serve->engine)->shape.context));
}

/* One place more, on top of the free ones, if there is memory beside `had` bytes of the heap. */
static bool
make_place(struct serve *serve, size_t had)
{
    const struct serve_memory *memory = serve->options.memory;
    size_t bytes = sequence_bytes(serve);
    if (serve->places_made > 0 && memory != NULL && bytes > had && !memory->can_spare(bytes - had))
        return false;
    struct serve_place place = {
        .memory = aligned_alloc(ENGINE_ARENA_ALIGN, bytes),
        .logits = malloc(engine_model_of(serve->engine)->shape.vocabulary * sizeof(float)),
    };
    if (place.memory == NULL || place.logits == NULL) {
        free(place.memory);
        free(place.logits);
        return false;
    }
    serve->places[serve->place_count++] = place;
    serve->places_made++;
    return true;
}

static bool
find_place(struct serve *serve)
{
    size_t kept = serve->cache.bytes;
    bool must = serve->places_made == 0, made = make_place(serve, 0);
    for (unsigned stage = 0; !made && room_make(serve, &stage, sequence_bytes(serve), must);)
        made = make_place(serve, kept);
    return made;
}

bool
room_has_place(struct serve *serve)
{
    if (serve->place_count > 0)
        return true;
    if (serve->places_made == serve->options.running_max || serve->no_place)
        return false;
    if (find_place(serve))
        return true;
    serve->no_place = true;
    if (serve->places_short != serve->places_made)
        serve->options.log("llmd: no memory for more answers at a time");
    serve->places_short = serve->places_made;
    return false;
}

void
room_drop_places(struct serve *serve)
{
    while (serve->place_count > 0) {
        const struct serve_place *place = &serve->places[--serve->place_count];
        free(place->memory);
        free(place->logits);
    }
    serve->places_made = 0;
}
