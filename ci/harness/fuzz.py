"""Fuzz targets: a fixed number of runs of each, from a fixed seed. Keys of a target's config line:
runs, max_len (of an input, in bytes).

libFuzzer says by the clock that an input takes too long, also where the host stood still meanwhile. So
such an input is run again alone, by the time that it is given of a CPU; when it ends, it was none, and
all runs are done again.
"""
import base64
import functools
import re
import resource
import shutil

from . import config
from .host import LOGS, ROOT, make_each, make_list, parallel, run
from .patience import spent

KEYS = {"runs", "max_len"}
DEFAULTS = {"runs": "200000", "max_len": "4096"}
HANG_S = 120        # a fuzzer that has not done its runs by then hangs: patience.py
INPUT_S = 20        # that one input may take of the clock, or of a CPU when it is run alone
TIMES = 10          # that a host may stand still in the runs of one fuzzer
SHOWN_BYTES = 8192  # of an input: the longest that a target here takes
SHOWN_LINES = 14    # of what it says of a failure: the top of the stack is there

# What else would make runs differ: pieces of the corpus are read again, and memory is given back, after
# so many seconds; addresses, which are compared, so that the fuzzer learns them, are drawn by the
# host, and move with the length of arguments and environment.
SAME = ["-seed=1", "-reload=0", "-purge_allocator_interval=-1"]
SAME_ADDRESSES = ["setarch", "-R"]
ENVIRONMENT = {"PATH": "/usr/bin:/bin"}

# What libFuzzer says of its own progress, where something went wrong, what a sanitizer makes of it in
# one line, and the frames of the stack that are of this repository.
PROGRESS = re.compile(r"#\d+\t|\t(NEW_FUNC|DE:)|INFO: |Done \d+ runs|==\d+==WARNING: ")
FAULT = re.compile(r"==\d+==\s*ERROR: |: runtime error: |ALARM: ")
SUMMARY = re.compile(r"SUMMARY: ((?:Address|Leak)Sanitizer: .*)")
FRAME = re.compile(rf"    #\d+ \S+ in (\S+) {re.escape(str(ROOT))}/(\S+:\d+)")
ARTIFACT = re.compile(r"(crash|leak|oom|timeout)-[0-9a-f]+$")


@functools.cache
def same_addresses():
    """What a program is run with so that its addresses are the same each time; nothing, said once,
    where that is not permitted."""
    if run([*SAME_ADDRESSES, "true"])[0] == 0:
        return SAME_ADDRESSES
    print("# fuzz: `setarch -R` is not permitted here: two runs differ", flush=True)
    return []


def feed(test, asked):
    """(folder that it ran in, with the corpus that it found; status, output)."""
    folder = ROOT / "out/fuzz/run" / test
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "corpus").mkdir(parents=True)
    seeds = ROOT / "tests/fuzz/seeds" / test
    status, output = run([*same_addresses(), f"../../{test}", *SAME, f"-runs={asked['runs']}",
                          f"-max_len={asked['max_len']}", f"-timeout={INPUT_S}", "corpus",
                          *([f"../../../../tests/fuzz/seeds/{test}"] if seeds.is_dir() else [])],
                         seconds=HANG_S, cwd=folder, env=ENVIRONMENT)
    return folder, status, output


def limit_cpu():
    resource.setrlimit(resource.RLIMIT_CPU, (INPUT_S, INPUT_S))


def stood_still(test, folder):
    """Whether no input took too long: each of which libFuzzer says so ends when it is run alone."""
    late = sorted(folder.glob("timeout-*"))
    return bool(late) and all(
        run([f"../../{test}", "-timeout=0", path.name], seconds=HANG_S, cwd=folder, env=ENVIRONMENT,
            preexec_fn=limit_cpu)[0] == 0 for path in late)


def feed_again(test, asked):
    """Feeds it until the host stood still in none of its runs."""
    for _ in range(TIMES):
        folder, status, output = feed(test, asked)
        if not stood_still(test, folder):
            break
        print(f"# fuzz/{test}: no input takes {INPUT_S} s, but the clock said so of one: all runs again",
              flush=True)
    return folder, status, output


def account(output):
    """(in one line what went wrong and where, the lines from there on). A target's own last words
    before it ends itself say more than that it ended."""
    lines = output.splitlines()
    at = next((i for i, line in enumerate(lines) if FAULT.search(line)), None)
    if at is None:
        return (lines[-1] if lines else "no output"), lines[-SHOWN_LINES:]
    if summary := SUMMARY.search(output):
        cause = summary[1]
    else:
        at -= bool("deadly signal" in lines[at] and at and not PROGRESS.match(lines[at - 1]))
        cause = re.sub(r"^==\d+==\s*", "", lines[at])
        if frame := FRAME.search(output):
            cause += f", in {frame[1]} {frame[2]}"
    return cause.replace(f"{ROOT}/", ""), lines[at:at + SHOWN_LINES]


def show_input(test, folder):
    """What somebody who has only the report needs to see it fail again."""
    for path in sorted(folder.iterdir()):
        if not ARTIFACT.match(path.name):
            continue
        data = path.read_bytes()
        if len(data) > SHOWN_BYTES:
            return [f"the input of {len(data)} bytes is too long to be shown: {path}"]
        return [f"its input: printf %s '{base64.b64encode(data).decode()}' | base64 -d >input",
                f"again: make out/fuzz/{test} && out/fuzz/{test} input"]
    return ["it left no input"]


def judge(test, asked, folder, status, output):
    """None, or (why it failed, what to show of it)."""
    if status == 0 and f"Done {asked['runs']} runs" in output:
        return None
    cause, lines = account(output)
    reason = spent(HANG_S) if status is None else f"exit status {status}"
    return f"{reason}: {cause}", lines + show_input(test, folder)


def run_one(report, test):
    name = f"fuzz/{test}"
    try:
        source = (ROOT / f"tests/fuzz/{test}.c").read_text(encoding="utf-8")
        asked = DEFAULTS | config.parse(source, KEYS, plain=KEYS)
    except config.ConfigError as error:
        report.fail(name, str(error))
        return
    folder, status, output = feed_again(test, asked)
    log = LOGS / "fuzz" / f"{test}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text(output, encoding="utf-8")
    failure = judge(test, asked, folder, status, output)
    if failure:
        report.fail(name, failure[0], "\n".join(failure[1]), again=failure[1][-2:])
    else:
        report.ok(name)


def suite(report):
    tests = [test for test in make_list("FUZZ_TESTS") if report.selected(f"fuzz/{test}")]
    failed, output = make_each([], [f"out/fuzz/{test}" for test in tests])
    for target in sorted(failed):
        report.fail(f"fuzz/{target.rpartition('/')[2]}", "did not build", output)
    parallel([functools.partial(run_one, report, test) for test in tests
              if f"out/fuzz/{test}" not in failed])
