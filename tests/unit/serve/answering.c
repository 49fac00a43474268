#include "answering.h"

#include "engine/choice.h"

#include <stdio.h>
#include <string.h>

#include "random_model.h"
#include "tap.h"

#define VOCABULARY  300
#define CONTEXT     160
#define STEP_TOKENS 64
#define ARENA_BYTES ((size_t)16 << 20)
#define BYTE_PIECES 259

static const struct random_shape shape = {64, 96, 2, 4, 2, VOCABULARY, CONTEXT, true};

struct serve serve;
struct client clients[CLIENTS];
uint32_t log_lines;
const struct serve_memory *memory_of_others;

static struct engine_arena arena;
static struct engine_model model;
static struct engine_mapping mapping;
static struct engine_source file_source, source;
static struct engine_packed packed;
static struct engine_tokenizer tokenizer;
static struct engine *engine;
static struct engine_error error;

/* Checkpoint of version 0, or 2: in the arena, from which everything else is taken, too. */
static uint8_t *
make_file(bool quantised, size_t *bytes)
{
    uint8_t *made = random_model(&shape, 3, bytes);
    if (quantised) {
        uint8_t *plain = made;
        made = random_model_quantised(plain, 32, bytes);
        free(plain);
    }
    uint8_t *file = engine_arena_take(&arena, 1, *bytes);
    memcpy(file, made, *bytes);
    free(made);
    return file;
}

static void
open_engine(bool integers)
{
    static const struct engine_machine machine = {.now_ns = NULL};
    struct engine_options options = {.batch = STEP_TOKENS};
    size_t bytes;
    uint8_t *file = make_file(integers, &bytes);
    mapping = (struct engine_mapping){file, bytes};
    source = file_source = engine_mapping_source(&mapping);
    CHECK_EQ(engine_checkpoint_read(&model, file, bytes, bytes, &arena, &error), 0);
    if (integers) {
        const struct engine_kernel **kernels =
            engine_arena_take(&arena, model.tensor_count, sizeof *kernels);
        CHECK(engine_choose(&model, &machine, NULL, kernels, NULL, 0, &arena) > 0);
        CHECK_EQ(engine_pack(&packed, &model, &file_source, kernels, &arena, &error), 0);
        source = engine_packed_source(&packed);
        options.kernels = kernels;
        options.attention = engine_attention_kernel(&model, kernels);
        CHECK(options.attention != NULL);
    }
    CHECK_EQ(engine_open(&engine, &model, &source, &options, &arena, &error), 0);
}

static uint8_t *
put_piece(uint8_t *to, const char *text)
{
    const float score = 0;
    uint32_t length = (uint32_t)strlen(text);
    memcpy(to, &score, 4);
    memcpy(to + 4, &length, 4);
    memcpy(to + 8, text, length);
    return to + 8 + length;
}

/* Bytes, and behind them words that no prompt has. */
static void
open_tokenizer(void)
{
    const uint32_t longest = 6;
    uint8_t *file = engine_arena_take(&arena, VOCABULARY, 16), *at = file + 4;
    memcpy(file, &longest, 4);
    for (uint32_t i = 0; i < VOCABULARY; i++) {
        char text[8] = "<unk>";
        if (i >= BYTE_PIECES)
            (void)snprintf(text, sizeof text, "W%u", i);
        else if (i >= 3)
            (void)snprintf(text, sizeof text, "<0x%02X>", i - 3);
        at = put_piece(at, text);
    }
    CHECK_EQ(
        engine_tokenizer_read(&tokenizer, file, (size_t)(at - file), VOCABULARY, &arena, &error),
        0);
}

static uint64_t
count_us(void)
{
    static uint64_t now_us;
    return now_us += 1000;
}

static void
count_line(const char *line)
{
    (void)line;
    log_lines++;
}

void
begin_serving(bool integers, uint32_t running, size_t cache_bytes_max)
{
    const struct serve_options options = {.running_max = running,
                                          .queued_max = CLIENTS,
                                          .step_tokens = STEP_TOKENS,
                                          .cache_bytes_max = cache_bytes_max,
                                          .memory = memory_of_others,
                                          .now_us = count_us,
                                          .log = count_line};
    free(arena.base);
    arena = (struct engine_arena){aligned_alloc(ENGINE_ARENA_ALIGN, ARENA_BYTES), ARENA_BYTES, 0};
    open_engine(integers);
    open_tokenizer();
    free(serve.answers);
    free(serve.places);
    CHECK(serve_open(&serve, &options, &error));
    CHECK(serve_use(&serve, engine, &tokenizer, "\"model\":\"random\"", &error));
    log_lines = 0;
}

void
end_serving(void)
{
    for (uint32_t i = 0; i < CLIENTS; i++)
        leave(i);
    serve_lose(&serve, "the test is over");
}

bool
serve_again(void)
{
    return serve_use(&serve, engine, &tokenizer, "\"model\":\"random\"", &error);
}

void
ask(uint32_t i, const char *query, const char *prompt)
{
    struct client *client = &clients[i];
    char text[1024];
    int length =
        snprintf(text, sizeof text,
                 "POST /completion?%s HTTP/1.1\r\nHost: h\r\nContent-Length: %zu\r\n\r\n%s", query,
                 strlen(prompt), prompt);
    leave(i);
    http_open(&client->conn, serve_request, &serve, 0);
    client->open = true;
    client->got_bytes = 0;
    CHECK_EQ(http_receive(&client->conn, text, (size_t)length, 0), (size_t)length);
}

void
leave(uint32_t i)
{
    if (!clients[i].open)
        return;
    serve_forget(&serve, &clients[i].conn);
    http_close(&clients[i].conn);
    clients[i].open = false;
}

static void
receive(struct client *client)
{
    const char *bytes;
    for (size_t count; client->open && (count = http_output(&client->conn, &bytes)) > 0;) {
        CHECK(client->got_bytes + count < GOT_BYTES);
        memcpy(client->got + client->got_bytes, bytes, count);
        client->got_bytes += count;
        http_taken(&client->conn, count);
        http_acknowledged(&client->conn, count, 0);
    }
    client->got[client->got_bytes] = '\0';
}

bool
step(void)
{
    bool more = serve_step(&serve);
    for (uint32_t i = 0; i < CLIENTS; i++)
        receive(&clients[i]);
    return more;
}

const char *
answer(uint32_t i, const char *query, const char *prompt)
{
    ask(i, query, prompt);
    while (step())
        ;
    return clients[i].got;
}
