/* Signatures, against RFC 8032, and the trust root's file. */
#include <stdlib.h>
#include <string.h>

#include "bundle/fixture.h"
#include "tap.h"

/* RFC 8032 §7.1, TEST 1: the empty message. */
static const uint8_t rfc_seed[SIGNATURE_KEY_BYTES] = {
    0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec, 0x2c, 0xc4,
    0x44, 0x49, 0xc5, 0x69, 0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae, 0x7f, 0x60};
static const char rfc_lines[] =
    "[signature]\n"
    "key = \"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a\"\n"
    "ed25519 = \"e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
    "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b\"\n";

static struct trust trust;
static struct why why;

static void
signatures_are_those_of_rfc_8032(void)
{
    char lines[SIGNATURE_TEXT_BYTES + 1];
    uint8_t key[SIGNATURE_KEY_BYTES];
    char digits[2 * SIGNATURE_KEY_BYTES + 1];
    signature_make("", 0, rfc_seed, lines);
    CHECK(strcmp(lines, rfc_lines) == 0);
    CHECK_EQ(strlen(lines), SIGNATURE_TEXT_BYTES);
    signature_public_key(rfc_seed, key);
    signature_hex(key, sizeof(key), digits);
    CHECK(memcmp(digits, rfc_lines + strlen("[signature]\nkey = \""), 64) == 0);
}

/* A text that is signed, with the lines changed by `instead` in place of `piece`. */
static enum signature_result
check_lines(const char *piece, const char *instead)
{
    static const char text[] = "a = 1\n";
    char all[1024], lines[SIGNATURE_TEXT_BYTES + 1];
    const struct trust_key *key;
    size_t signed_bytes = 0;
    trust.count = 1;
    signature_public_key(rfc_seed, trust.keys[0].bytes);
    signature_make(text, strlen(text), rfc_seed, lines);
    char *at = strstr(lines, piece);
    CHECK(at != NULL);
    *at = 0;
    snprintf(all, sizeof(all), "%s%s%s%s", text, lines, instead, at + strlen(piece));
    enum signature_result result =
        signature_check(all, strlen(all), &trust, &signed_bytes, &key, &why);
    if (result == SIGNATURE_GOOD) {
        CHECK_EQ(signed_bytes, strlen(text));
        CHECK(key == &trust.keys[0]);
    }
    return result;
}

static void
a_signature_is_found_and_good(void)
{
    CHECK_EQ(check_lines("[", "["), SIGNATURE_GOOD);
}

static void
a_signature_has_one_spelling(void)
{
    CHECK_EQ(check_lines("key =", "key  ="), SIGNATURE_ABSENT);
    CHECK_EQ(check_lines("key = ", "key =\t"), SIGNATURE_BAD);
    CHECK(strcmp(why.text, "the signature is not written as it must be") == 0);
    CHECK_EQ(check_lines("\"\n", "\"\n\n"), SIGNATURE_ABSENT);
    CHECK_EQ(check_lines("ed25519", "ED25519"), SIGNATURE_BAD);
    CHECK(strstr(why.text, "unknown key"));
    CHECK_EQ(check_lines("[signature]", "[Signature]"), SIGNATURE_ABSENT);
}

static void
what_follows_a_signature_is_no_part_of_a_manifest(void)
{
    static const char tail[] = "kind = \"app\"\n";
    char all[1024];
    const struct trust_key *key;
    size_t signed_bytes = 0;
    snprintf(all, sizeof(all), "%s%s", rfc_lines, tail);
    CHECK_EQ(signature_check(all, strlen(all), &trust, &signed_bytes, &key, &why),
             SIGNATURE_ABSENT);
}

static void
a_signature_must_begin_a_line_behind_something(void)
{
    char all[1024];
    const struct trust_key *key;
    size_t signed_bytes = 0;
    CHECK_EQ(signature_check(rfc_lines, strlen(rfc_lines), &trust, &signed_bytes, &key, &why),
             SIGNATURE_ABSENT);
    snprintf(all, sizeof(all), "# %s", rfc_lines);
    CHECK_EQ(signature_check(all, strlen(all), &trust, &signed_bytes, &key, &why),
             SIGNATURE_ABSENT);
}

static bool
read_trust(const char *text)
{
    return trust_read("t.pub", text, strlen(text), &trust, &why);
}

#define KEY_A "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
#define KEY_B "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"

static void
a_trust_root_has_one_or_more_keys(void)
{
    CHECK(read_trust("[[key]]\nname = \"a\"\ned25519 = \"" KEY_A "\"\n"));
    CHECK_EQ(trust.count, 1);
    CHECK(read_trust("[[key]]\nname = \"a\"\ned25519 = \"" KEY_A "\"\n"
                     "[[key]]\nname = \"b\"\ned25519 = \"" KEY_B "\"\n"));
    CHECK_EQ(trust.count, 2);
    CHECK(strcmp(trust.keys[1].name, "b") == 0 && trust.keys[1].bytes[0] == 0x3d);
}

static void
a_wrong_trust_root_is_refused_by_name_and_line(void)
{
    CHECK(!read_trust("") && strcmp(why.text, "t.pub:1: key: the table is missing") == 0);
    CHECK(!read_trust("[[key]]\nname = \"a\"\n"));
    CHECK(strcmp(why.text, "t.pub:1: key.ed25519: the key is missing") == 0);
    CHECK(!read_trust("[[key]]\nname = \"a\"\ned25519 = \"d75a\"\n"));
    CHECK(strcmp(why.text, "t.pub:3: key.ed25519: must be 64 digits of 0-9 a-f") == 0);
    CHECK(!read_trust("ed25519_seed = \"" KEY_A "\"\n"));
    CHECK(strcmp(why.text, "t.pub:1: ed25519_seed: unknown key") == 0);
}

static const struct tap_test tests[] = {
    TAP(signatures_are_those_of_rfc_8032),
    TAP(a_signature_is_found_and_good),
    TAP(a_signature_has_one_spelling),
    TAP(what_follows_a_signature_is_no_part_of_a_manifest),
    TAP(a_signature_must_begin_a_line_behind_something),
    TAP(a_trust_root_has_one_or_more_keys),
    TAP(a_wrong_trust_root_is_refused_by_name_and_line),
};

TAP_MAIN(tests)
