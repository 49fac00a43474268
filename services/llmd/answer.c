/* Answers: from text to their connections, and their end. */
#include "answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_TYPE "text/plain; charset=utf-8"

static const char *const finish_names[] = {
    [ENGINE_RUNNING] = "error",
    [ENGINE_FINISH_END] = "end",
    [ENGINE_FINISH_LENGTH] = "length",
    [ENGINE_FINISH_CONTEXT] = "context",
};

struct serve_answer *
answer_find_free(struct serve *serve)
{
    if (serve->queued == serve->options.queued_max)
        return NULL;
    for (uint32_t i = 0; i < answers_max(serve); i++)
        if (serve->answers[i].state == ANSWER_FREE)
            return &serve->answers[i];
    return NULL;
}

void
answer_free(struct serve *serve, struct serve_answer *answer)
{
    if (answer->state == ANSWER_RUNNING) {
        prompt_cache_keep(&serve->cache, serve->engine, answer->cache_key, answer->tokens,
                          &answer->request.sequence);
        serve->places[serve->place_count++] = answer->place;
        serve->running--;
    } else {
        serve->queued--;
    }
    free(answer->tokens);
    free(answer->text);
    serve->no_place = false;
    *answer = (struct serve_answer){.state = ANSWER_FREE};
}

bool
answer_add_text(struct serve_answer *answer, const uint8_t *bytes, size_t count)
{
    if (answer->text_bytes + count > answer->text_room) {
        size_t grown = 2 * (answer->text_bytes + count);
        char *text = realloc(answer->text, grown);
        if (text == NULL)
            return false;
        answer->text = text;
        answer->text_room = grown;
    }
    memcpy(answer->text + answer->text_bytes, bytes, count);
    answer->text_bytes += count;
    return true;
}

static void
begin_response(struct serve_answer *answer)
{
    bool logs = answer->request.with_log_probability;
    if (!answer->begun)
        http_begin(answer->conn, 200, TEXT_TYPE,
                   logs ? "Trailer: Finish-Reason, Log-Probability\r\n"
                        : "Trailer: Finish-Reason\r\n");
    answer->begun = true;
}

/* The first `bytes` of the text, as far as the connection has room for them; whether that was all.
 */
static bool
give_text(struct serve_answer *answer, size_t bytes)
{
    size_t given = 0;
    while (given < bytes) {
        size_t part = bytes - given < HTTP_CHUNK_MAX ? bytes - given : HTTP_CHUNK_MAX;
        if (!http_write(answer->conn, answer->text + given, part))
            break;
        given += part;
    }
    if (given > 0)
        memmove(answer->text, answer->text + given, answer->text_bytes - given);
    answer->text_bytes -= given;
    return given == bytes;
}

/* Bytes at the end that begin a character which is not complete: at most 3 (RFC 3629 §3). */
static size_t
incomplete(const char *text, size_t bytes)
{
    for (size_t back = 1; back <= 3 && back <= bytes; back++) {
        unsigned char byte = (unsigned char)text[bytes - back];
        if (byte >= 0xc0) {
            size_t length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
            return length > back ? back : 0;
        }
        if (byte < 0x80)
            return 0;
    }
    return 0;
}

static void
log_answer(const struct serve *serve, const struct serve_answer *answer)
{
    char line[160];
    const struct engine_request *request = &answer->request;
    uint64_t us = answer->since_us - answer->first_us;
    bool several = request->generated > 1 && us > 0;
    uint64_t rate = several ? (request->generated - 1) * 10000000ull / us : 0;
    (void)snprintf(
        line, sizeof(line),
        "llmd: %u tokens after a prompt of %u, first after %llu ms, %llu.%llu tok/s (%s)",
        request->generated, request->prompt_count,
        (unsigned long long)((answer->first_us - answer->arrival_us) / 1000),
        (unsigned long long)(rate / 10), (unsigned long long)(rate % 10),
        finish_names[request->finish]);
    serve->options.log(line);
}

/* Fields behind the last chunk. Logarithms are in thousandths: printf's floats need not be linked.
 */
static void
write_trailer(const struct serve_answer *answer, char *text, size_t bytes)
{
    int length =
        snprintf(text, bytes, "Finish-Reason: %s\r\n", finish_names[answer->request.finish]);
    uint64_t thousandths = (uint64_t)(-answer->log_probability * 1000 + 0.5);
    if (answer->request.with_log_probability)
        (void)snprintf(text + length, bytes - (size_t)length, "Log-Probability: -%llu.%03llu\r\n",
                       (unsigned long long)(thousandths / 1000),
                       (unsigned long long)(thousandths % 1000));
}

/* The beginning of a character that never came is dropped with the answer's end. */
void
answer_advance(struct serve *serve, struct serve_answer *answer)
{
    char trailer[96];
    begin_response(answer);
    size_t held = incomplete(answer->text, answer->text_bytes);
    if (!give_text(answer, answer->text_bytes - held) || answer->request.finish == ENGINE_RUNNING)
        return;
    write_trailer(answer, trailer, sizeof(trailer));
    log_answer(serve, answer);
    http_end(answer->conn, trailer);
    answer_free(serve, answer);
}

void
answer_fail(struct serve *serve, struct serve_answer *answer, unsigned status, const char *text)
{
    struct http_conn *conn = answer->conn;
    if (answer->begun) {
        conn->last = true; /* cut off: the chunks do not end */
        conn->chunked = false;
        http_end(conn, "");
    } else {
        http_refuse(conn, status, "", text);
    }
    answer_free(serve, answer);
}
