/*
 * The loader: the newest generation that verifies wins. Each way to be wrong is shown on a second
 * generation, whose rejection must give the reason, and the first must then be opened.
 */
#include <stdlib.h>
#include <string.h>

#include "bundle/fixture.h"
#include "tap.h"

static struct fixture fixture;

/* Generation 1 is fine; generation 2 as well, until the test changes it. */
static void
begin(const char *verify)
{
    fixture_begin(&fixture);
    fixture_make(&fixture, 1, verify);
    fixture_make(&fixture, 2, verify);
}

static bool
second_is_rejected(const char *reason)
{
    bool right = fixture_open(&fixture, BUNDLE_NEWEST) == 1 && fixture.rejected == 1 &&
                 strncmp(fixture.rejections, "2: ", 3) == 0 && strstr(fixture.rejections, reason);
    if (!right)
        printf("# %u rejected: %s", fixture.rejected, fixture.rejections);
    fixture_end(&fixture);
    return right;
}

static bool
edit_is_rejected(const char *piece, const char *instead, const char *reason)
{
    begin("eager");
    fixture_edit(&fixture, 2, piece, instead);
    return second_is_rejected(reason);
}

/* A file of generation 2 with one bit changed. */
static void
flip(const char *path, size_t byte)
{
    fixture_find(&fixture, "small", 2, path)->bytes[byte] ^= 1;
}

static void
the_newest_generation_wins(void)
{
    begin("eager");
    CHECK_EQ(fixture_open(&fixture, BUNDLE_NEWEST), 2);
    CHECK_EQ(fixture.rejected, 0);
    CHECK_EQ(fixture.verdict, BUNDLE_OPENED);
    CHECK(strcmp(fixture.text, "signed by test, verified eagerly, 2 payloads in 4 blocks") == 0);
    CHECK_EQ(fixture_open(&fixture, 2), 1);
    fixture_end(&fixture);
}

static void
generations_are_numbers_not_texts(void)
{
    fixture_begin(&fixture);
    fixture_make(&fixture, 9, "eager");
    fixture_make(&fixture, 10, "eager");
    CHECK_EQ(fixture_open(&fixture, BUNDLE_NEWEST), 10);
    fixture_end(&fixture);
}

static void
a_bundle_says_what_its_manifest_says(void)
{
    struct bundle bundle;
    fixture_begin(&fixture);
    fixture_make(&fixture, 3, "on-fault");
    fixture_edit(&fixture, 3, "verify", "layout = \"rows-8\"\nverify");
    fixture_edit(&fixture, 3, "hidden", "unpacked_bytes = 900\nhidden");
    CHECK(bundle_open(&fixture.loader, "small", BUNDLE_NEWEST, &bundle));
    CHECK(strcmp(bundle.manifest.name, "small") == 0 && bundle.manifest.generation == 3);
    CHECK_EQ(bundle.manifest.kind, MANIFEST_MODEL);
    CHECK_EQ(bundle.manifest.verify, MANIFEST_ON_FAULT);
    CHECK(strcmp(bundle.manifest.layout, "rows-8") == 0);
    CHECK_EQ(bundle.manifest.model.unpacked_bytes, 900);
    CHECK(bundle.manifest.model.dim == 8 && bundle.manifest.model.context == 64);
    CHECK_EQ(bundle.manifest.payload_count, 2);
    CHECK_EQ(manifest_find(&bundle.manifest, bundle.manifest.model.tokenizer), 1);
    CHECK_EQ(bundle.files[1].bytes, 700);
    CHECK(strcmp(bundle.key->name, "test") == 0);
    bundle_close(&bundle);
    fixture_end(&fixture);
}

/* GGUF can say so; llama2.c cannot. */
static void
heads_may_be_of_another_width_than_dim_says(void)
{
    fixture_begin(&fixture);
    fixture_make(&fixture, 1, "eager");
    fixture_edit(&fixture, 1, "dim = 8", "head_dim = 16384\ndim = 10");
    CHECK_EQ(fixture_open(&fixture, BUNDLE_NEWEST), 1);
    fixture_end(&fixture);
}

static void
a_bad_signature_is_refused(void)
{
    begin("eager");
    const struct fixture_file *file = fixture_find(&fixture, "small", 2, MANIFEST_FILE);
    uint8_t *digit = &file->bytes[file->count - 3];
    *digit = *digit == '0' ? '1' : '0';
    CHECK(second_is_rejected("the signature is wrong"));
}

static void
a_changed_manifest_is_refused(void)
{
    begin("eager");
    flip(MANIFEST_FILE, 10);
    CHECK(second_is_rejected("the signature is wrong"));
}

static void
an_untrusted_key_is_refused(void)
{
    begin("eager");
    const struct fixture_file *file = fixture_find(&fixture, "small", 2, MANIFEST_FILE);
    char *text = strndup((char *)file->bytes, file->count - SIGNATURE_TEXT_BYTES);
    fixture_sign(&fixture, 2, text, 99);
    free(text);
    CHECK(second_is_rejected("which is not trusted"));
}

static void
an_empty_trust_root_trusts_nobody(void)
{
    begin("eager");
    fixture.trust.count = 0;
    CHECK_EQ(fixture_open(&fixture, BUNDLE_NEWEST), 0);
    CHECK_EQ(fixture.rejected, 2);
    fixture_end(&fixture);
}

static void
an_unsigned_manifest_is_refused_unless_asked_for(void)
{
    begin("eager");
    fixture_find(&fixture, "small", 2, MANIFEST_FILE)->count -= SIGNATURE_TEXT_BYTES;
    fixture.loader.allow_unsigned = true;
    CHECK_EQ(fixture_open(&fixture, BUNDLE_NEWEST), 2);
    CHECK_EQ(fixture.verdict, BUNDLE_UNSIGNED);
    CHECK(strstr(fixture.text, "NOT SIGNED"));
    fixture.loader.allow_unsigned = false;
    CHECK(second_is_rejected("no signature"));
}

static void
a_wrong_signature_is_refused_even_where_none_is_needed(void)
{
    begin("eager");
    fixture.loader.allow_unsigned = true;
    flip(MANIFEST_FILE, 10);
    CHECK(second_is_rejected("the signature is wrong"));
}

static void
a_truncated_manifest_is_refused(void)
{
    begin("eager");
    size_t whole = fixture_find(&fixture, "small", 2, MANIFEST_FILE)->count;
    for (size_t count = 0; count < whole; count++) {
        fixture_find(&fixture, "small", 2, MANIFEST_FILE)->count = count;
        CHECK_EQ(fixture_open(&fixture, BUNDLE_NEWEST), 1);
        CHECK(strstr(fixture.rejections, "2: no signature"));
    }
    fixture_end(&fixture);
}

static void
an_oversized_manifest_is_refused(void)
{
    static char text[MANIFEST_BYTES_MAX];
    memset(text, '#', sizeof(text) - 2);
    text[sizeof(text) - 2] = '\n';
    begin("eager");
    fixture_sign(&fixture, 2, text, 7);
    CHECK(second_is_rejected("manifest.toml: 16609 bytes, more than 16384"));
}

static void
a_missing_manifest_is_refused(void)
{
    begin("eager");
    fixture_remove(&fixture, "small", 2, MANIFEST_FILE);
    CHECK(second_is_rejected("manifest.toml: no such file"));
}

static void
an_unreadable_file_is_refused(void)
{
    static const char *const files[] = {MANIFEST_FILE, MANIFEST_LEAVES_FILE, "model.bin",
                                        "tokenizer.bin"};
    for (int i = 0; i < 4; i++) {
        begin("eager");
        fixture_find(&fixture, "small", 2, files[i])->unreadable = true;
        CHECK(second_is_rejected("cannot be read"));
    }
}

static void
an_unknown_key_or_table_is_refused(void)
{
    CHECK(edit_is_rejected("kind", "kine = 1\nkind", "manifest.toml:4: kine: unknown key"));
    CHECK(edit_is_rejected("dim =", "dims = 8\ndim =", "manifest.toml:9: model.dims: unknown key"));
    CHECK(edit_is_rejected("[model]", "[modal]", "manifest.toml:6: modal: unknown table"));
}

static void
a_repeated_or_missing_key_is_refused(void)
{
    CHECK(edit_is_rejected("kind", "generation = 2\nkind", "generation: the key stands twice"));
    CHECK(edit_is_rejected("hidden = 16\n", "", "model.hidden: the key is missing"));
    CHECK(edit_is_rejected("verify = \"eager\"\n", "", "verify: the key is missing"));
}

static void
a_wrong_type_or_choice_is_refused(void)
{
    CHECK(edit_is_rejected("dim = 8", "dim = \"8\"", "model.dim: must be an integer"));
    CHECK(edit_is_rejected("\"eager\"", "\"never\"", "verify: \"never\" is none"));
    CHECK(edit_is_rejected("\"model\"", "\"madel\"", "kind: \"madel\" is none"));
    CHECK(edit_is_rejected("format = 1", "format = 2", "format: 2 is not from 1 to 1"));
    CHECK(edit_is_rejected("kind", "layout = \"\"\nkind", "layout: a layout is named"));
    CHECK(edit_is_rejected("kind", "layout = \"rows-8\"\nkind", "has model.unpacked_bytes"));
    CHECK(edit_is_rejected("hidden", "unpacked_bytes = 9\nhidden", "has model.unpacked_bytes"));
}

static void
a_path_with_a_slash_is_refused(void)
{
    CHECK(edit_is_rejected("path = \"model.bin\"", "path = \"../1/model.bin\"",
                           "payload.path: a path names a file of the bundle: / must not"));
    CHECK(edit_is_rejected("path = \"model.bin\"", "path = \"..\"", "payload.path: a path is"));
    CHECK(edit_is_rejected("path = \"model.bin\"", "path = \"\"", "payload.path: a path is"));
    CHECK(edit_is_rejected("path = \"model.bin\"", "path = \"manifest.toml\"",
                           "payload.path: a payload must not have the name of"));
    CHECK(edit_is_rejected("path = \"model.bin\"", "path = \"leaves.bin\"",
                           "payload.path: a payload must not have the name of"));
}

static void
a_wrong_shape_is_refused(void)
{
    CHECK(edit_is_rejected("dim = 8", "dim = 10", "dim 10 cannot be cut into 4 heads"));
    CHECK(edit_is_rejected("dim = 8", "dim = 4", "dim 4 cannot be cut into 4 heads"));
    CHECK(edit_is_rejected("dim = 8", "head_dim = 7\ndim = 10", "4 heads cannot be of head_dim 7"));
    CHECK(edit_is_rejected("dim = 8", "head_dim = 16386\ndim = 8", "cannot be of head_dim 16386"));
    CHECK(edit_is_rejected("dim = 8", "head_dim = 1\ndim = 8", "model.head_dim: 1 is not from 2"));
    CHECK(edit_is_rejected("kv_heads = 2", "kv_heads = 3", "4 heads cannot share 3"));
    CHECK(edit_is_rejected("layers = 2", "layers = 0", "model.layers: 0 is not from 1"));
    CHECK(edit_is_rejected("vocabulary = 32", "vocabulary = 1048577", "is not from 1"));
    CHECK(edit_is_rejected("weights = \"model.bin\"", "weights = \"other.bin\"",
                           "model.weights: other.bin is no payload"));
    CHECK(edit_is_rejected("tokenizer = \"tokenizer.bin\"", "tokenizer = \"other.bin\"",
                           "model.tokenizer: other.bin is no payload"));
}

static void
kind_and_model_table_belong_together(void)
{
    CHECK(edit_is_rejected("kind = \"model\"", "kind = \"app\"", "exactly a bundle of kind"));
}

static void
two_payloads_of_one_path_are_refused(void)
{
    CHECK(edit_is_rejected("path = \"tokenizer.bin\"", "path = \"model.bin\"",
                           "two payloads have the path model.bin"));
}

static void
the_manifest_of_another_generation_or_bundle_is_refused(void)
{
    CHECK(edit_is_rejected("generation = 2", "generation = 3", "it is the manifest of small/3"));
    CHECK(edit_is_rejected("\"small\"", "\"smell\"", "it is the manifest of smell/2"));
}

static void
a_missing_payload_or_leaves_file_is_refused(void)
{
    static const char *const files[] = {MANIFEST_LEAVES_FILE, "model.bin", "tokenizer.bin"};
    for (int i = 0; i < 3; i++) {
        begin("on-fault");
        fixture_remove(&fixture, "small", 2, files[i]);
        CHECK(second_is_rejected("no such file"));
    }
}

static void
a_payload_of_another_size_is_refused(void)
{
    begin("on-fault");
    fixture_find(&fixture, "small", 2, "model.bin")->count--;
    CHECK(second_is_rejected("model.bin: 132071 bytes, the manifest says 132072"));
    CHECK(edit_is_rejected("bytes = 132072", "bytes = 132073", "the manifest says 132073"));
}

static void
leaves_of_another_number_are_refused(void)
{
    begin("on-fault");
    fixture_find(&fixture, "small", 2, MANIFEST_LEAVES_FILE)->count -= HASH_BYTES;
    CHECK(second_is_rejected("leaves.bin: 96 bytes, 4 leaves have 128"));
    begin("on-fault");
    uint8_t more[5 * HASH_BYTES] = {0};
    fixture_put(&fixture, "small", 2, MANIFEST_LEAVES_FILE, more, sizeof(more));
    CHECK(second_is_rejected("leaves.bin: 160 bytes, more than 128"));
}

static void
wrong_leaves_are_refused_at_open(void)
{
    for (size_t byte = 0; byte < 4 * HASH_BYTES; byte += 15) {
        begin("on-fault");
        flip(MANIFEST_LEAVES_FILE, byte);
        CHECK(second_is_rejected(byte < 96 ? "the leaves of model.bin do not give the root"
                                           : "the leaves of tokenizer.bin do not give the root"));
    }
}

static void
a_wrong_root_is_refused(void)
{
    CHECK(edit_is_rejected("root = \"", "root = \"00", "root: must be 64 digits"));
    begin("on-fault");
    const struct fixture_file *file = fixture_find(&fixture, "small", 2, MANIFEST_FILE);
    char *text = strndup((char *)file->bytes, file->count - SIGNATURE_TEXT_BYTES);
    char *digit = strstr(text, "root = \"") + 8;
    *digit = *digit == '0' ? '1' : '0';
    fixture_sign(&fixture, 2, text, 7);
    free(text);
    CHECK(second_is_rejected("do not give the root that was signed"));
}

static void
an_eager_bundle_with_a_corrupt_payload_is_refused(void)
{
    begin("eager");
    flip("model.bin", TREE_BLOCK_BYTES);
    CHECK(second_is_rejected("model.bin: block 1 is not what was signed"));
    begin("eager");
    flip("tokenizer.bin", 699);
    CHECK(second_is_rejected("tokenizer.bin: block 0 is not what was signed"));
}

static void
an_on_fault_bundle_reads_no_payload_at_open(void)
{
    begin("on-fault");
    fixture_find(&fixture, "small", 2, "model.bin")->unreadable = true;
    CHECK_EQ(fixture_open(&fixture, BUNDLE_NEWEST), 2);
    CHECK(strstr(fixture.text, "verified block by block on fault"));
    fixture_end(&fixture);
}

static bool
refuse_generation_2(void *context, struct bundle *bundle, struct why *why)
{
    (void)context;
    return bundle->manifest.generation != 2 || why_set(why, "the file's shape is another");
}

static void
the_owner_can_refuse(void)
{
    begin("eager");
    fixture.loader.accept = refuse_generation_2;
    CHECK(second_is_rejected("the file's shape is another"));
    begin("eager");
    fixture.loader.load = refuse_generation_2;
    CHECK(second_is_rejected("the file's shape is another"));
}

static bool
check_one_block(void *context, struct bundle *bundle, struct why *why)
{
    static uint8_t block[TREE_BLOCK_BYTES];
    (void)context;
    (void)why;
    bundle_read_block(bundle, 0, 0, block);
    return true;
}

static void
a_demotion_while_loading_is_a_rejection(void)
{
    begin("eager");
    fixture.loader.load = check_one_block;
    flip("model.bin", 0);
    CHECK(second_is_rejected("model.bin: block 0 is not what was signed"));
}

static void
several_wrong_generations_are_all_reported(void)
{
    fixture_begin(&fixture);
    for (int64_t generation = 1; generation <= 4; generation++)
        fixture_make(&fixture, generation, "eager");
    fixture_remove(&fixture, "small", 4, MANIFEST_FILE);
    fixture_edit(&fixture, 3, "dim = 8", "dim = 9");
    flip("tokenizer.bin", 0);
    CHECK_EQ(fixture_open(&fixture, BUNDLE_NEWEST), 1);
    CHECK_EQ(fixture.rejected, 3);
    CHECK(strstr(fixture.rejections, "4: manifest.toml: no such file\n3: manifest.toml: model: dim "
                                     "9 cannot be cut into 4 heads of an even size\n2: tokenizer"));
    fixture_end(&fixture);
}

static void
none_left_is_a_clear_failure(void)
{
    begin("eager");
    fixture_remove(&fixture, "small", 1, MANIFEST_FILE);
    fixture_remove(&fixture, "small", 2, MANIFEST_FILE);
    CHECK_EQ(fixture_open(&fixture, BUNDLE_NEWEST), 0);
    CHECK_EQ(fixture.rejected, 2);
    CHECK_EQ(fixture.verdict, BUNDLE_NONE);
    CHECK(strcmp(fixture.text, "none of the 2 generations that are left can be used") == 0);
    CHECK_EQ(fixture_open(&fixture, 1), 0);
    CHECK_EQ(fixture.rejected, 0);
    CHECK(strcmp(fixture.text, "there is no generation to try") == 0);
    fixture_end(&fixture);
}

static const struct tap_test tests[] = {
    TAP(the_newest_generation_wins),
    TAP(generations_are_numbers_not_texts),
    TAP(a_bundle_says_what_its_manifest_says),
    TAP(heads_may_be_of_another_width_than_dim_says),
    TAP(a_bad_signature_is_refused),
    TAP(a_changed_manifest_is_refused),
    TAP(an_untrusted_key_is_refused),
    TAP(an_empty_trust_root_trusts_nobody),
    TAP(an_unsigned_manifest_is_refused_unless_asked_for),
    TAP(a_wrong_signature_is_refused_even_where_none_is_needed),
    TAP(a_truncated_manifest_is_refused),
    TAP(an_oversized_manifest_is_refused),
    TAP(a_missing_manifest_is_refused),
    TAP(an_unreadable_file_is_refused),
    TAP(an_unknown_key_or_table_is_refused),
    TAP(a_repeated_or_missing_key_is_refused),
    TAP(a_wrong_type_or_choice_is_refused),
    TAP(a_path_with_a_slash_is_refused),
    TAP(a_wrong_shape_is_refused),
    TAP(kind_and_model_table_belong_together),
    TAP(two_payloads_of_one_path_are_refused),
    TAP(the_manifest_of_another_generation_or_bundle_is_refused),
    TAP(a_missing_payload_or_leaves_file_is_refused),
    TAP(a_payload_of_another_size_is_refused),
    TAP(leaves_of_another_number_are_refused),
    TAP(wrong_leaves_are_refused_at_open),
    TAP(a_wrong_root_is_refused),
    TAP(an_eager_bundle_with_a_corrupt_payload_is_refused),
    TAP(an_on_fault_bundle_reads_no_payload_at_open),
    TAP(the_owner_can_refuse),
    TAP(a_demotion_while_loading_is_a_rejection),
    TAP(several_wrong_generations_are_all_reported),
    TAP(none_left_is_a_clear_failure),
};

TAP_MAIN(tests)
