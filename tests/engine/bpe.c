#include "bpe.h"

#include "gguf_writer.h"

void
bpe_begin(struct bpe *bpe, const char *way)
{
    memset(bpe, 0, sizeof *bpe);
    for (uint32_t i = 0; i < 256; i++)
        bpe->pieces[i] = (struct bpe_piece){{(uint8_t)i}, 1, 1};
    bpe->count = 256;
    bpe->way = way;
    bpe->begin = bpe->end = bpe->turn_end = bpe->begins = -1;
}

uint32_t
bpe_add(struct bpe *bpe, const char *text, uint32_t kind)
{
    struct bpe_piece *piece = &bpe->pieces[bpe->count];
    piece->length = (uint32_t)strlen(text);
    piece->kind = kind;
    memcpy(piece->bytes, text, piece->length);
    return bpe->count++;
}

static uint32_t
find(const struct bpe *bpe, const uint8_t *bytes, uint32_t length)
{
    for (uint32_t i = 0; i < bpe->count; i++)
        if (bpe->pieces[i].kind == 1 && bpe->pieces[i].length == length &&
            memcmp(bpe->pieces[i].bytes, bytes, length) == 0)
            return i;
    return UINT32_MAX;
}

uint32_t
bpe_add_merge(struct bpe *bpe, uint32_t left, uint32_t right)
{
    const struct bpe_piece *a = &bpe->pieces[left], *b = &bpe->pieces[right];
    struct bpe_piece joined = {.length = a->length + b->length, .kind = 1};
    if (joined.length > BPE_BYTES_MAX || bpe->count == BPE_PIECES_MAX ||
        bpe->merge_count == BPE_MERGES_MAX || a->kind != 1 || b->kind != 1)
        return left;
    memcpy(joined.bytes, a->bytes, a->length);
    memcpy(joined.bytes + a->length, b->bytes, b->length);
    bpe->merges[bpe->merge_count++] = (struct bpe_merge){left, right};
    uint32_t token = find(bpe, joined.bytes, joined.length);
    if (token != UINT32_MAX)
        return token;
    bpe->pieces[bpe->count] = joined;
    return bpe->count++;
}

/* --- The file --------------------------------------------------------------------------------- */

static bool
stands_for_itself(uint32_t byte)
{
    return (byte > ' ' && byte < 127) || (byte > 160 && byte != 173);
}

/* A byte as the character that vocabularies write for it: all but the printable ones of Latin-1 are
 * counted from U+0100 on. */
static uint32_t
character_of(uint32_t byte)
{
    uint32_t others = 0;
    for (uint32_t i = 0; i < byte; i++)
        others += !stands_for_itself(i);
    return stands_for_itself(byte) ? byte : 256 + others;
}

static size_t
spell(const struct bpe_piece *piece, char *to)
{
    size_t at = 0;
    for (uint32_t i = 0; i < piece->length; i++) {
        uint32_t code = piece->kind == 1 ? character_of(piece->bytes[i]) : piece->bytes[i];
        if (code >= 128)
            to[at++] = (char)(0xc0 | code >> 6);
        to[at++] = (char)(code >= 128 ? 0x80 | (code & 63) : code);
    }
    to[at] = '\0';
    return at;
}

static void
put_pieces(struct writer *w, const struct bpe *bpe)
{
    char text[4 * BPE_BYTES_MAX + 2];
    put_array(w, "tokenizer.ggml.tokens", 8, bpe->count);
    for (uint32_t i = 0; i < bpe->count; i++) {
        spell(&bpe->pieces[i], text);
        put_text(w, text);
    }
    put_array(w, "tokenizer.ggml.token_type", 5, bpe->count);
    for (uint32_t i = 0; i < bpe->count; i++)
        put_u32(w, bpe->pieces[i].kind);
    put_array(w, "tokenizer.ggml.merges", 8, bpe->merge_count);
    for (uint32_t i = 0; i < bpe->merge_count; i++) {
        size_t at = spell(&bpe->pieces[bpe->merges[i].left], text);
        text[at++] = ' ';
        spell(&bpe->pieces[bpe->merges[i].right], text + at);
        put_text(w, text);
    }
}

uint8_t *
bpe_write(const struct bpe *bpe, size_t *bytes)
{
    const struct {
        const char *key;
        int32_t token;
    } tokens[] = {{"tokenizer.ggml.bos_token_id", bpe->begin},
                  {"tokenizer.ggml.eos_token_id", bpe->end},
                  {"tokenizer.ggml.eot_token_id", bpe->turn_end}};
    struct writer w = {NULL, 0, 0};
    uint64_t pairs = 5 + (bpe->begins >= 0);
    for (size_t i = 0; i < 3; i++)
        pairs += tokens[i].token >= 0;
    put(&w, "GGUF", 4);
    put_u32(&w, 3);
    put_u64(&w, 0);
    put_u64(&w, pairs);
    put_string(&w, "tokenizer.ggml.model", "gpt2");
    put_string(&w, "tokenizer.ggml.pre", bpe->way);
    for (size_t i = 0; i < 3; i++)
        if (tokens[i].token >= 0)
            put_number(&w, tokens[i].key, (uint32_t)tokens[i].token);
    if (bpe->begins >= 0) {
        put_text(&w, "tokenizer.ggml.add_bos_token");
        put_u32(&w, 7);
        put(&w, bpe->begins ? "\1" : "\0", 1);
    }
    put_pieces(&w, bpe);
    *bytes = w.at;
    return w.file;
}
