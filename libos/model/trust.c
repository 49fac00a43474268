/* The trust root. */
#include <string.h>

#include <model/signature.h>
#include <toml/toml.h>

static const struct toml_key keys[] = {
    {"name", TOML_STRING, true, .offset = offsetof(struct trust_key, name),
     .room = TRUST_NAME_BYTES},
    {"ed25519", TOML_HEX, true, .offset = offsetof(struct trust_key, bytes),
     .room = SIGNATURE_KEY_BYTES},
};
static const struct toml_table tables[] = {
    {.name = NULL},
    {.name = "key",
     .keys = keys,
     .key_count = 2,
     .required = true,
     .offset = offsetof(struct trust, keys),
     .items = TRUST_KEYS_MAX,
     .item_bytes = sizeof(struct trust_key),
     .count_offset = offsetof(struct trust, count)},
};
static const struct toml_schema schema = {tables, 2};

bool
trust_read(const char *file, const char *text, size_t bytes, struct trust *trust, struct why *why)
{
    struct toml_error error;
    memset(trust, 0, sizeof(*trust));
    if (toml_read(text, bytes, &schema, trust, &error))
        return true;
    toml_error_text(&error, file, why->text, sizeof(why->text));
    return false;
}
