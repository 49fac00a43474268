/*
 * Chats: messages as the text and the control tokens that a model was trained with. Which form that
 * is follows from the model's own template, tokenizer.chat_template: those that are known are known
 * as a whole, by hash; what any other one would make of messages is not guessed.
 */
#ifndef LLMD_CHAT_H
#define LLMD_CHAT_H

#include "engine/tokenizer.h"

#include "messages.h"

struct chat_form;

/* What is sent to a model: text, and tokens in it, in memory of its own. */
struct chat_prompt {
    char *text;
    size_t text_bytes;
    struct engine_insert *inserts;
    size_t insert_count;
    uint32_t
        end; /* the token that ends a message of an assistant; ENGINE_NO_TOKEN: none of its own */
};

/* The form of a vocabulary's template; NULL: it is none that is known, and `why` names it. */
const struct chat_form *chat_find(const struct engine_tokenizer *tokenizer, char *why,
                                  size_t why_bytes);

/* The same by a name of ours: chatml, qwen2, llama-2, llama-3, mistral, phi-3; NULL: no such form.
 */
const struct chat_form *chat_form_of(const char *name);

enum chat_status {
    CHAT_OK,
    CHAT_REFUSED, /* the form has no place for a message, or the vocabulary no such token: `why` */
    CHAT_NO_MEMORY,
};

/* Makes the prompt for the assistant's next message; chat_free gives its memory back. */
enum chat_status chat_render(struct chat_prompt *prompt, const struct chat_form *form,
                             const struct engine_tokenizer *tokenizer,
                             const struct messages *messages, char *why, size_t why_bytes);
void chat_free(struct chat_prompt *prompt);

#endif
