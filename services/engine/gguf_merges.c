/* What pieces are merged by, in GGUF files: scores, or a list of merges. */
#include "gguf_vocabulary.h"

#include <string.h>

int
gguf_read_scores(struct gguf_words *words)
{
    for (uint32_t i = 0; i < words->tokenizer->count; i++) {
        float score = gguf_f32(words->gguf);
        if (!words->gguf->ok || !(score >= -__FLT_MAX__ && score <= __FLT_MAX__))
            return engine_fail(words->error, ENGINE_E_FILE,
                               "gguf: piece %u has no number as its score", i);
        words->tokenizer->pieces[i].score = score;
    }
    return ENGINE_OK;
}

/* The bytes of two pieces, one behind the other. */
struct spelled {
    uint8_t bytes[2 * GGUF_PIECE_MAX];
    int32_t left, right; /* how many there are of each; negative: it is not spelled so */
};

/* "left right": the space is behind the first character, for none is a part of a piece. */
static void
spell(struct spelled *spelled, struct gguf_text text)
{
    const uint8_t *space = memchr(text.text, ' ', text.length_bytes);
    spelled->left = spelled->right = -1;
    if (space == NULL || text.length_bytes > GGUF_PIECE_MAX)
        return;
    uint64_t length = (uint64_t)(space - text.text);
    spelled->left = gguf_spell_bytes(spelled->bytes, (struct gguf_text){text.text, length});
    if (spelled->left >= 0)
        spelled->right =
            gguf_spell_bytes(spelled->bytes + spelled->left,
                             (struct gguf_text){space + 1, text.length_bytes - length - 1});
}

static int
read_merge(struct gguf_words *words, uint32_t index)
{
    struct engine_tokenizer *tokenizer = words->tokenizer;
    struct engine_merge *merge = &tokenizer->merges[index];
    struct spelled spelled;
    spell(&spelled, gguf_string(words->gguf));
    if (spelled.left <= 0 || spelled.right <= 0)
        return engine_fail(words->error, ENGINE_E_FILE, "gguf: merge %u is not of two pieces",
                           index);
    size_t left = (size_t)spelled.left, right = (size_t)spelled.right;
    merge->left = vocabulary_find(tokenizer, spelled.bytes, left);
    merge->right = vocabulary_find(tokenizer, spelled.bytes + left, right);
    merge->token = vocabulary_find(tokenizer, spelled.bytes, left + right);
    if (merge->left == VOCABULARY_NONE || merge->right == VOCABULARY_NONE ||
        merge->token == VOCABULARY_NONE)
        return engine_fail(words->error, ENGINE_E_FILE,
                           "gguf: merge %u is of pieces, or makes one, that there are none of",
                           index);
    return ENGINE_OK;
}

int
gguf_read_merges(struct gguf_words *words)
{
    for (uint32_t i = 0; i < words->tokenizer->merge_count; i++) {
        int status = read_merge(words, i);
        if (status != ENGINE_OK)
            return status;
    }
    vocabulary_index_merges(words->tokenizer);
    return ENGINE_OK;
}
