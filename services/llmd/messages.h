/*
 * The messages of a chat, as a client sends them: {"messages": [{"role": "user", "content": ".."}]}
 * in JSON (RFC 8259). Roles are system, which may be the first, user and assistant, in turn, the
 * last being a user's.
 */
#ifndef LLMD_MESSAGES_H
#define LLMD_MESSAGES_H

#include <stdbool.h>
#include <stddef.h>

#define MESSAGES_MAX 256u

enum message_role { ROLE_SYSTEM, ROLE_USER, ROLE_ASSISTANT, ROLES };

struct message {
    enum message_role role;
    const char *content; /* UTF-8, not ended by 0 */
    size_t content_bytes;
};

struct messages {
    struct message list[MESSAGES_MAX];
    size_t count; /* at least 1 */
};

/*
 * Reads `body`, which is changed: contents lie in it afterwards. Every other key, type or order is
 * refused: false, and `why` says what is wrong with which message.
 */
bool messages_read(struct messages *messages, char *body, size_t body_bytes, char *why,
                   size_t why_bytes);

#endif
