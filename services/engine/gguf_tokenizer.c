/* Vocabularies in GGUF files. */
#include "gguf_vocabulary.h"
#include "marks.h"
#include "split.h"

#include <string.h>

#define MERGES_MAX (1u << 22) /* a float holds each of their numbers */

/* Goes to an array that has an element for each piece. */
static int
go_to(struct gguf_words *words, const char *key, uint32_t type)
{
    uint64_t count;
    int status = gguf_array(words->gguf, key, type, &count, words->error);
    if (status == ENGINE_OK && count != words->tokenizer->count)
        return engine_fail(words->error, ENGINE_E_MISMATCH,
                           "gguf: %s has %lu pieces, the model %u words", key, count,
                           words->tokenizer->count);
    return status;
}

static int
go_to_merges(struct gguf_words *words)
{
    uint64_t count;
    int status =
        gguf_array(words->gguf, "tokenizer.ggml.merges", GGUF_STRING, &count, words->error);
    if (status == ENGINE_OK && count > MERGES_MAX)
        return engine_fail(words->error, ENGINE_E_UNSUPPORTED, "gguf: %lu merges, more than %u",
                           count, (uint32_t)MERGES_MAX);
    words->tokenizer->merge_count = (uint32_t)count;
    return status;
}

static int
find_text(struct gguf_words *words, const char *key, struct gguf_text *text)
{
    uint32_t type;
    if (!gguf_find(words->gguf, key, &type) || type != GGUF_STRING)
        return engine_fail(words->error, ENGINE_E_FILE, "gguf: %s is missing", key);
    *text = gguf_string(words->gguf);
    return ENGINE_OK;
}

/* SentencePiece, or byte-level BPE with one of the ways to cut words that there is code for. */
static int
read_model(struct gguf_words *words)
{
    const char *key = "tokenizer.ggml.model", *way = "tokenizer.ggml.pre";
    struct gguf_text text;
    int status = find_text(words, key, &text);
    if (status != ENGINE_OK || gguf_is(text, "llama"))
        return status;
    if (!gguf_is(text, "gpt2"))
        return engine_fail(words->error, ENGINE_E_UNSUPPORTED, "gguf: %s is %s, not llama or gpt2",
                           key, gguf_show(text).text);
    status = find_text(words, way, &text);
    if (status == ENGINE_OK)
        words->tokenizer->split = split_find(text.text, text.length_bytes);
    if (status == ENGINE_OK && words->tokenizer->split == NULL)
        return engine_fail(words->error, ENGINE_E_UNSUPPORTED,
                           "gguf: %s is %s, not gpt-2, llama-bpe or qwen2", way,
                           gguf_show(text).text);
    return status;
}

/* A token that may be missing. */
static int
read_token(struct gguf_words *words, const char *key, uint32_t missing, uint32_t *token)
{
    int status = gguf_number(words->gguf, key, &missing, token, words->error);
    if (status == ENGINE_OK && *token != ENGINE_NO_TOKEN && *token >= words->tokenizer->count)
        return engine_fail(words->error, ENGINE_E_FILE, "gguf: %s is %u, of %u pieces", key, *token,
                           words->tokenizer->count);
    return status;
}

static int
read_ends(struct gguf_words *words)
{
    static const char *const others[ENGINE_ENDS_OTHER] = {"tokenizer.ggml.eot_token_id",
                                                          "tokenizer.ggml.eom_token_id"};
    struct engine_tokenizer *tokenizer = words->tokenizer;
    bool bytes = tokenizer->split != NULL;
    int status = read_token(words, "tokenizer.ggml.bos_token_id", bytes ? ENGINE_NO_TOKEN : 1,
                            &tokenizer->begin);
    if (status == ENGINE_OK)
        status = read_token(words, "tokenizer.ggml.eos_token_id", bytes ? ENGINE_NO_TOKEN : 2,
                            &tokenizer->end);
    for (size_t i = 0; status == ENGINE_OK && i < ENGINE_ENDS_OTHER; i++) {
        uint32_t token = ENGINE_NO_TOKEN;
        status = read_token(words, others[i], ENGINE_NO_TOKEN, &token);
        if (status == ENGINE_OK && token != ENGINE_NO_TOKEN)
            tokenizer->other_ends[tokenizer->other_end_count++] = token;
    }
    return status;
}

static int
read_habits(struct gguf_words *words)
{
    struct engine_tokenizer *tokenizer = words->tokenizer;
    bool sentence = tokenizer->split == NULL, begins = sentence || tokenizer->split->begins;
    int status = gguf_flag(words->gguf, "tokenizer.ggml.add_bos_token", begins, &tokenizer->begins,
                           words->error);
    return status == ENGINE_OK ? gguf_flag(words->gguf, "tokenizer.ggml.add_space_prefix", sentence,
                                           &tokenizer->space_in_front, words->error)
                               : status;
}

static uint64_t
hash_byte(uint64_t hash, uint8_t byte)
{
    return (hash ^ byte) * 0x100000001b3u;
}

/* Files write newlines in a template's texts as such, or as templates can write them: it is one. */
static void
read_chat_template(struct gguf_words *words)
{
    struct engine_chat_template *chat = &words->tokenizer->chat;
    uint32_t type;
    if (!gguf_find(words->gguf, "tokenizer.chat_template", &type) || type != GGUF_STRING)
        return;
    struct gguf_text text = gguf_string(words->gguf);
    struct gguf_shown shown = gguf_show(text);
    memcpy(chat->start, shown.text, sizeof chat->start);
    chat->hash = 0xcbf29ce484222325u;
    for (uint64_t i = 0; i < text.length_bytes; i++) {
        bool newline = text.text[i] == '\n';
        chat->hash = hash_byte(chat->hash, newline ? '\\' : text.text[i]);
        chat->hash = newline ? hash_byte(chat->hash, 'n') : chat->hash;
        chat->length_bytes += 1u + newline;
    }
}

static int
read_pieces(struct gguf_words *words, struct engine_arena *arena)
{
    int status = go_to(words, "tokenizer.ggml.tokens", GGUF_STRING);
    words->texts = *words->gguf;
    if (status == ENGINE_OK)
        status = go_to(words, "tokenizer.ggml.token_type", GGUF_INT32);
    words->kinds = *words->gguf;
    if (status == ENGINE_OK)
        status = words->tokenizer->split != NULL
                     ? go_to_merges(words)
                     : go_to(words, "tokenizer.ggml.scores", GGUF_FLOAT32);
    return status == ENGINE_OK ? gguf_read_pieces(words, arena) : status;
}

int
engine_gguf_tokenizer_read(struct engine_tokenizer *tokenizer, const void *file,
                           uint64_t file_bytes, uint32_t vocabulary, struct engine_arena *arena,
                           struct engine_error *error)
{
    struct gguf gguf;
    struct gguf_words words = {.tokenizer = tokenizer, .gguf = &gguf, .error = error};
    memset(tokenizer, 0, sizeof *tokenizer);
    tokenizer->count = vocabulary;
    int status = gguf_open(&gguf, file, file_bytes, file_bytes, error);
    if (status == ENGINE_OK)
        status = read_model(&words);
    if (status == ENGINE_OK)
        status = read_pieces(&words, arena);
    if (status == ENGINE_OK)
        status = tokenizer->split != NULL ? gguf_read_merges(&words) : gguf_read_scores(&words);
    if (status == ENGINE_OK)
        status = read_ends(&words);
    if (status == ENGINE_OK)
        status = read_habits(&words);
    if (status == ENGINE_OK)
        marks_sort(tokenizer);
    read_chat_template(&words);
    return status;
}
