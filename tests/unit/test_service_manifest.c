/* Manifests of services: what each key means, and where a wrong one is. */
#include <manifest.h>
#include <string.h>

#include "tap.h"

static struct manifest manifest;
static char error[256];

static const char least[] = "program = \"p\"\n[limits]\nmemory = \"2M\"\n";

static bool
read_text(const char *text)
{
    error[0] = '\0';
    return manifest_read("services/a.toml", text, strlen(text), &manifest, error, sizeof(error));
}

/* Whether these lines, behind the least that there must be, are refused there. */
static bool
refused(const char *lines, const char *place)
{
    char text[512];
    snprintf(text, sizeof(text), "%s%s", least, lines);
    if (!read_text(text) && strstr(error, place) == error)
        return true;
    printf("# %s\n", error[0] ? error : "accepted");
    return false;
}

static void
values_arrive(void)
{
    CHECK(read_text("program = \"bin\"\nprofiles = [\"default\", \"x\"]\nafter = [\"b\"]\n"
                    "arguments = [\"a.b=1\", \"c\"]\nready = \"told\"\nconsole = true\n"
                    "boot_image = true\n"
                    "[limits]\nmemory = \"24M\"\ncaps = 64\nenvs = 2\n"
                    "[cpu]\nnumber = 3\nslots = 32\n"
                    "[devices]\nnic = \"shared\"\nstore = true\ndata = true\nrng = true\n"
                    "clock = true\n"
                    "[restart]\nwhen = \"on-failure\"\nmost = 7\nbackoff_ms = 0\nsettled_s = 1\n"
                    "[stop]\nwithin_s = 3\n"));
    CHECK(strcmp(manifest.program, "bin") == 0);
    CHECK(manifest.profile_count == 2 && strcmp(manifest.profiles[1], "x") == 0);
    CHECK(manifest.after_count == 1 && strcmp(manifest.after[0], "b") == 0);
    CHECK(manifest.argument_count == 2 && strcmp(manifest.arguments[0], "a.b=1") == 0);
    CHECK(manifest.ready == READY_TOLD && manifest.console && manifest.boot_image);
    CHECK_EQ(manifest_frames(&manifest), 24 * 256);
    CHECK(manifest.limits.caps == 64 && manifest.limits.envs == 2);
    CHECK(manifest.cpu.number == 3 && manifest.cpu.slots == 32);
    CHECK(manifest.devices.nic == NIC_SHARED && manifest.devices.store && manifest.devices.data);
    CHECK(manifest.devices.rng && manifest.devices.clock);
    CHECK(manifest.restart.when == RESTART_ON_FAILURE && manifest.restart.most == 7);
    CHECK(manifest.restart.backoff_ms == 0 && manifest.restart.settled_s == 1);
    CHECK_EQ(manifest.stop.within_s, 3);
}

/* Nothing that is not named is given. */
static void
what_is_absent_is_nothing_or_the_default(void)
{
    CHECK(read_text(least));
    CHECK(!manifest.console && !manifest.boot_image && manifest.profile_count == 0);
    CHECK(manifest.devices.nic == NIC_NONE && !manifest.devices.store && !manifest.devices.data);
    CHECK(!manifest.devices.rng && !manifest.devices.clock && manifest.cpu.slots == 0);
    CHECK(manifest.ready == READY_STARTED && manifest.restart.when == RESTART_ALWAYS);
    CHECK(manifest.restart.most == 5 && manifest.stop.within_s == 10);
    CHECK_EQ(manifest_frames(&manifest), 512);
    CHECK(read_text("program = \"p\"\n[limits]\nmemory = \"rest\"\n"));
    CHECK_EQ(manifest_frames(&manifest), 0);
}

static void
a_wrong_manifest_is_refused_with_file_line_and_key(void)
{
    CHECK(!read_text("") && strstr(error, "services/a.toml:1: program: ") == error);
    CHECK(!read_text("program = \"p\"\n") && strstr(error, "services/a.toml:") == error &&
          strstr(error, "limits") != NULL);
    CHECK(refused("memory = \"1M\"\n", "services/a.toml:4: limits.memory: "));
    CHECK(refused("frames = 1\n", "services/a.toml:4: limits.frames: "));
    CHECK(refused("caps = \"64\"\n", "services/a.toml:4: limits.caps: "));
    CHECK(refused("caps = 63\n", "services/a.toml:4: limits.caps: "));
    CHECK(refused("envs = 0\n", "services/a.toml:4: limits.envs: "));
    CHECK(refused("[limits]\n", "services/a.toml:4: limits: "));
    CHECK(refused("[network]\n", "services/a.toml:4: network: "));
    CHECK(refused("[cpu]\nnumber = 8\n", "services/a.toml:5: cpu.number: "));
    CHECK(refused("[cpu]\nslots = 33\n", "services/a.toml:5: cpu.slots: "));
    CHECK(refused("[devices]\nnic = \"mine\"\n", "services/a.toml:5: devices.nic: "));
    CHECK(refused("[devices]\nrng = 1\n", "services/a.toml:5: devices.rng: "));
    CHECK(refused("[restart]\nwhen = \"sometimes\"\n", "services/a.toml:5: restart.when: "));
    CHECK(refused("[restart]\nmost = -1\n", "services/a.toml:5: restart.most: "));
    CHECK(refused("[stop]\nwithin_s = 3601\n", "services/a.toml:5: stop.within_s: "));
}

static void
memory_is_the_rest_or_whole_mebibytes(void)
{
    static const char *const wrong[] = {"",  "0M",  "1",   "1G",   "1.5M", "65537M",
                                        "M", "-1M", "01M", "Rest", "1M ",  "99999999M"};
    char text[128];
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        snprintf(text, sizeof(text), "program = \"p\"\n[limits]\nmemory = \"%s\"\n", wrong[i]);
        CHECK(!read_text(text));
        CHECK(strstr(error, "services/a.toml:3: limits.memory: ") == error);
    }
}

static void
arguments_are_words(void)
{
    CHECK(!read_text("arguments = [\"a b\"]\n") && strstr(error, ":1: arguments: ") != NULL);
    CHECK(!read_text("arguments = [\"\"]\n") && strstr(error, ":1: arguments: ") != NULL);
}

static void
the_line_of_a_key_is_found_in_its_table(void)
{
    static const char text[] = "# nic = 1\nprogram = \"cpu\"\n\n  [ cpu ]\nnumber=1\n[devices]\n"
                               "\tnic = \"private\"\n[limits]\nnumber_of = 1\n";
    const struct {
        const char *table, *key, *place;
    } places[] = {
        {NULL, "program", "f:2: program: x"},
        {"cpu", "number", "f:5: cpu.number: x"},
        {"devices", "nic", "f:7: devices.nic: x"},
        {"limits", "number", "f:0: limits.number: x"},
    };
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        manifest_wrong("f", text, sizeof(text) - 1, places[i].table, places[i].key, "x", error,
                       sizeof(error));
        CHECK(strcmp(error, places[i].place) == 0);
    }
}

static const struct tap_test tests[] = {
    TAP(values_arrive),
    TAP(what_is_absent_is_nothing_or_the_default),
    TAP(a_wrong_manifest_is_refused_with_file_line_and_key),
    TAP(memory_is_the_rest_or_whole_mebibytes),
    TAP(arguments_are_words),
    TAP(the_line_of_a_key_is_found_in_its_table),
};

TAP_MAIN(tests)
