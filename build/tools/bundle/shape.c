/* What a model's files say about themselves. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <engine/file.h>
#include <engine/gguf.h>
#include <model/shape.h>

#include "tool.h"

void
map_file(struct mapped *mapped, const char *path)
{
    struct stat status;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0 || fstat(file, &status) != 0 || !realpath(path, mapped->path))
        fail("%s: %s", path, strerror(errno));
    if (status.st_size == 0)
        fail("%s: an empty file cannot be a payload", path);
    mapped->count = (uint64_t)status.st_size;
    mapped->bytes = mmap(NULL, mapped->count, PROT_READ, MAP_PRIVATE, file, 0);
    if (mapped->bytes == MAP_FAILED)
        fail("%s: %s", path, strerror(errno));
    (void)close(file);
}

bool
check_vocabulary(const void *bytes, uint64_t count, uint32_t words, struct why *why)
{
    struct engine_tokenizer tokenizer;
    struct engine_error error = {""};
    struct engine_arena arena = {.base = NULL};
    int status = engine_file_read_tokenizer(&tokenizer, bytes, count, words, &arena, &error);
    if (status == ENGINE_E_SPACE) {
        arena = (struct engine_arena){malloc(arena.used_bytes), arena.used_bytes, 0};
        status = engine_file_read_tokenizer(&tokenizer, bytes, count, words, &arena, &error);
        free(arena.base);
    }
    return status == ENGINE_OK || why_set(why, "%s", error.text);
}

void
read_shape(const char *folder, struct manifest_model *model)
{
    struct mapped weights, tokenizer;
    struct why why;
    char path[PATH_MAX];
    join_path(path, folder, model->weights);
    map_file(&weights, path);
    uint64_t bytes = model->unpacked_bytes ? (uint64_t)model->unpacked_bytes : weights.count;
    if (shape_read(weights.bytes, weights.count, bytes, model, &why) != SHAPE_READ)
        fail("%s: %s", weights.path, why.text);
    if (strcmp(model->weights, model->tokenizer) == 0 &&
        !engine_is_gguf(weights.bytes, weights.count))
        fail("%s: a checkpoint needs a --tokenizer", weights.path);
    join_path(path, folder, model->tokenizer);
    map_file(&tokenizer, path);
    if (!check_vocabulary(tokenizer.bytes, tokenizer.count, (uint32_t)model->vocabulary, &why))
        fail("%s: %s", tokenizer.path, why.text);
}
