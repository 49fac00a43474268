/*
 * Any body through the reader of a chat's messages. What is accepted lies inside of the body, one
 * behind the other, and takes turns.
 *
 * config: runs=400000 max_len=512
 */
#include "messages.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool condition)
{
    if (!condition)
        abort();
}

static void
check(const struct messages *messages, const char *body, size_t size)
{
    const char *at = body;
    require(messages->count >= 1 && messages->count <= MESSAGES_MAX);
    for (size_t i = 0; i < messages->count; i++) {
        const struct message *message = &messages->list[i];
        bool first = i == (messages->list[0].role == ROLE_SYSTEM);
        require(message->content >= at && message->content_bytes <= size);
        at = message->content + message->content_bytes;
        require(at <= body + size);
        if (i > 0 || message->role != ROLE_SYSTEM)
            require(first ? message->role == ROLE_USER
                          : message->role + message[-1].role == ROLE_USER + ROLE_ASSISTANT);
    }
    require(messages->list[messages->count - 1].role == ROLE_USER);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct messages messages;
    char why[64] = "";
    char *body = malloc(size > 0 ? size : 1); /* of its own: it is changed */
    if (body == NULL)
        return 0;
    memcpy(body, data, size);
    if (messages_read(&messages, body, size, why, sizeof why))
        check(&messages, body, size);
    else
        require(strncmp(why, "messages: ", 10) == 0);
    free(body);
    return 0;
}
