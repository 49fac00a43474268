/* Forms of chats: tables, and one function that follows them. */
#include "chat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * In these texts { } are around the name of a control token, {^} is the token for the begin, {$}
 * that for the end. (No form has braces in its text.)
 */
struct chat_form {
    const char *name;
    const char *begin;
    struct chat_part {
        const char *before, *behind; /* the message; NULL: the form has no such messages */
    } parts[ROLES];
    const char *answer;             /* in front of the assistant's next message */
    const char *system;             /* what a chat without such a message has; NULL: none */
    bool trims_front, trims_behind; /* white space of messages */
    bool system_inside;             /* the system's message is the beginning of the first user's */
};

#define CHATML_PARTS                                                        \
    {                                                                       \
        [ROLE_SYSTEM] = {"{<|im_start|>}system\n", "{<|im_end|>}\n"},       \
        [ROLE_USER] = {"{<|im_start|>}user\n", "{<|im_end|>}\n"},           \
        [ROLE_ASSISTANT] = {"{<|im_start|>}assistant\n", "{<|im_end|>}\n"}, \
    }
#define CHATML_ANSWER "{<|im_start|>}assistant\n"
#define LLAMA3(role)  "{<|start_header_id|>}" role "{<|end_header_id|>}\n\n"
/* In Phi's vocabulary control tokens swallow the white space behind them. */
#define PHI3_PARTS                                           \
    {                                                        \
        [ROLE_USER] = {"{<|user|>}", "{<|end|>}"},           \
        [ROLE_ASSISTANT] = {"{<|assistant|>}", "{<|end|>}"}, \
    }

static const struct chat_form forms[] = {
    {.name = "chatml", .begin = "", .parts = CHATML_PARTS, .answer = CHATML_ANSWER},
    {.name = "qwen2",
     .begin = "",
     .parts = CHATML_PARTS,
     .answer = CHATML_ANSWER,
     .system = "You are a helpful assistant."},
    {.name = "llama-2",
     .begin = "",
     .parts = {[ROLE_SYSTEM] = {"<<SYS>>\n", "\n<</SYS>>\n\n"},
               [ROLE_USER] = {"{^}[INST] ", " [/INST]"},
               [ROLE_ASSISTANT] = {" ", " {$}"}},
     .answer = "",
     .trims_front = true,
     .trims_behind = true,
     .system_inside = true},
    {.name = "llama-3",
     .begin = "{^}",
     .parts = {[ROLE_SYSTEM] = {LLAMA3("system"), "{<|eot_id|>}"},
               [ROLE_USER] = {LLAMA3("user"), "{<|eot_id|>}"},
               [ROLE_ASSISTANT] = {LLAMA3("assistant"), "{<|eot_id|>}"}},
     .answer = LLAMA3("assistant"),
     .trims_front = true,
     .trims_behind = true},
    {.name = "mistral",
     .begin = "{^}",
     .parts = {[ROLE_USER] = {"[INST] ", " [/INST]"}, [ROLE_ASSISTANT] = {"", "{$}"}},
     .answer = ""},
    {.name = "phi-3",
     .begin = "{^}",
     .parts = PHI3_PARTS,
     .answer = "{<|assistant|>}",
     .trims_front = true},
    {.name = "phi-3-medium",
     .begin = "",
     .parts = PHI3_PARTS,
     .answer = "{<|assistant|>}",
     .trims_front = true},
};
#define FORMS (sizeof(forms) / sizeof(forms[0]))

/* Templates as they were published with models, as struct engine_chat_template has them. */
static const struct {
    uint32_t length_bytes;
    uint64_t hash;
    const char *form;
} templates[] = {
    {199, 0xa41d6bae9b9141bc, "chatml"},       /* of ChatML itself: OpenHermes 2.5 and others */
    {333, 0x75e88977b2787cd7, "qwen2"},        /* Qwen2 Instruct */
    {815, 0xf344eecf1bd3a427, "llama-2"},      /* Llama 2 Chat */
    {393, 0x32844fd43eab01d2, "llama-3"},      /* Llama 3 Instruct */
    {352, 0x60b6f54caafc7e66, "llama-3"},      /* the same, as it was first */
    {470, 0x8c734b90b4f8d84d, "mistral"},      /* Mistral 7B Instruct 0.1 and 0.2 */
    {273, 0xebc826f08cf92eab, "phi-3"},        /* Phi 3 Mini, as it was first */
    {258, 0x96c2439b550245f3, "phi-3-medium"}, /* Phi 3 Medium */
};

const struct chat_form *
chat_form_of(const char *name)
{
    for (size_t i = 0; i < FORMS; i++)
        if (strcmp(forms[i].name, name) == 0)
            return &forms[i];
    return NULL;
}

const struct chat_form *
chat_find(const struct engine_tokenizer *tokenizer, char *why, size_t why_bytes)
{
    const struct engine_chat_template *chat = &tokenizer->chat;
    for (size_t i = 0; i < sizeof(templates) / sizeof(templates[0]); i++)
        if (chat->length_bytes == templates[i].length_bytes && chat->hash == templates[i].hash)
            return chat_form_of(templates[i].form);
    if (chat->length_bytes == 0)
        (void)snprintf(why, why_bytes,
                       "the model has no template for chats: /completion takes "
                       "prompts as they are");
    else
        (void)snprintf(
            why, why_bytes,
            "the model's template for chats, %.39s..., %u bytes, FNV %016llx, is none that "
            "is known: /completion takes prompts as they are",
            chat->start, chat->length_bytes, (unsigned long long)chat->hash);
    return NULL;
}

/* --- Rendering ----------------------------------------------------------------------------------
 */

struct renderer {
    struct chat_prompt *prompt;
    const struct engine_tokenizer *tokenizer;
    char missing[40]; /* the name of a token that the vocabulary has not; "": none */
};

static void
put(struct renderer *renderer, const char *text, size_t bytes)
{
    memcpy(renderer->prompt->text + renderer->prompt->text_bytes, text, bytes);
    renderer->prompt->text_bytes += bytes;
}

static uint32_t
token_of(const struct engine_tokenizer *tokenizer, const char *name, size_t length)
{
    if (length == 1 && (*name == '^' || *name == '$'))
        return *name == '^' ? tokenizer->begin : tokenizer->end;
    return engine_find_special(tokenizer, name, length);
}

static void
put_token(struct renderer *renderer, const char *name, size_t length)
{
    struct chat_prompt *prompt = renderer->prompt;
    uint32_t token = token_of(renderer->tokenizer, name, length);
    if (token == ENGINE_NO_TOKEN && renderer->missing[0] == '\0')
        (void)snprintf(renderer->missing, sizeof(renderer->missing), "%.*s", (int)length, name);
    prompt->inserts[prompt->insert_count++] = (struct engine_insert){prompt->text_bytes, token};
}

/* A text of a form. */
static void
put_form(struct renderer *renderer, const char *text)
{
    while (*text != '\0') {
        size_t length = strcspn(text, "{");
        put(renderer, text, length);
        text += length;
        if (*text == '{') {
            length = strcspn(text, "}");
            put_token(renderer, text + 1, length - 1);
            text += length + 1;
        }
    }
}

static bool
is_white(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static void
put_content(struct renderer *renderer, const struct message *message, bool front, bool behind)
{
    const char *content = message->content;
    size_t bytes = message->content_bytes;
    while (front && bytes > 0 && is_white(*content)) {
        content++;
        bytes--;
    }
    while (behind && bytes > 0 && is_white(content[bytes - 1]))
        bytes--;
    put(renderer, content, bytes);
}

/* With a message of the system inside, which is then as it was written: what is trimmed is both. */
static void
put_message(struct renderer *renderer, const struct chat_form *form, const struct message *message,
            const struct message *inside)
{
    const struct chat_part *part = &form->parts[message->role], *system = &form->parts[ROLE_SYSTEM];
    put_form(renderer, part->before);
    if (inside != NULL) {
        put_form(renderer, system->before);
        put_content(renderer, inside, false, false);
        put_form(renderer, system->behind);
    }
    put_content(renderer, message, form->trims_front && inside == NULL, form->trims_behind);
    put_form(renderer, part->behind);
}

static void
put_messages(struct renderer *renderer, const struct chat_form *form,
             const struct messages *messages)
{
    const struct message usual = {ROLE_SYSTEM, form->system,
                                  form->system != NULL ? strlen(form->system) : 0};
    const struct message *list = messages->list, *inside = NULL;
    bool has_system = list[0].role == ROLE_SYSTEM;
    put_form(renderer, form->begin);
    if (!has_system && form->system != NULL)
        put_message(renderer, form, &usual, NULL);
    for (size_t i = 0; i < messages->count; i++) {
        if (list[i].role == ROLE_SYSTEM && form->system_inside) {
            inside = &list[i];
            continue;
        }
        put_message(renderer, form, &list[i], inside);
        inside = NULL;
    }
    put_form(renderer, form->answer);
}

/* Of a form's text around a message. */
#define AROUND_BYTES  96u
#define AROUND_TOKENS 4u

static bool
take_memory(struct chat_prompt *prompt, const struct messages *messages)
{
    size_t bytes = (messages->count + 2) * AROUND_BYTES;
    for (size_t i = 0; i < messages->count; i++)
        bytes += messages->list[i].content_bytes;
    *prompt = (struct chat_prompt){.text = malloc(bytes), .end = ENGINE_NO_TOKEN};
    prompt->inserts = malloc((messages->count + 2) * AROUND_TOKENS * sizeof(*prompt->inserts));
    return prompt->text != NULL && prompt->inserts != NULL;
}

enum chat_status
chat_render(struct chat_prompt *prompt, const struct chat_form *form,
            const struct engine_tokenizer *tokenizer, const struct messages *messages, char *why,
            size_t why_bytes)
{
    struct renderer renderer = {.prompt = prompt, .tokenizer = tokenizer};
    if (messages->list[0].role == ROLE_SYSTEM && form->parts[ROLE_SYSTEM].before == NULL) {
        (void)snprintf(why, why_bytes, "messages: 1: the form %s has no messages of the system",
                       form->name);
        return CHAT_REFUSED;
    }
    if (!take_memory(prompt, messages)) {
        chat_free(prompt);
        return CHAT_NO_MEMORY;
    }
    put_messages(&renderer, form, messages);
    const char *end = strchr(form->parts[ROLE_ASSISTANT].behind, '{');
    prompt->end = token_of(tokenizer, end + 1, strcspn(end + 1, "}"));
    if (renderer.missing[0] == '\0')
        return CHAT_OK;
    (void)snprintf(why, why_bytes, "the model's vocabulary has no token %s, which the form %s has",
                   renderer.missing, form->name);
    chat_free(prompt);
    return CHAT_REFUSED;
}

void
chat_free(struct chat_prompt *prompt)
{
    free(prompt->text);
    free(prompt->inserts);
    *prompt = (struct chat_prompt){.text = NULL, .end = ENGINE_NO_TOKEN};
}
