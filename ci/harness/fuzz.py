"""Fuzz targets: a fixed number of runs of each, from a fixed seed. Keys of a target's config line:
runs, max_len (of an input, in bytes)."""
import functools
import shutil

from . import config
from .host import LOGS, ROOT, clean_environment, make_each, make_list, parallel, run

KEYS = {"runs", "max_len"}
DEFAULTS = {"runs": "200000", "max_len": "4096"}
HANG_S = 600        # a fuzzer that has not done its runs by then hangs


def run_one(report, test):
    name = f"fuzz/{test}"
    try:
        source = (ROOT / f"tests/fuzz/{test}.c").read_text(encoding="utf-8")
        asked = DEFAULTS | config.parse(source, KEYS, plain=KEYS)
    except config.ConfigError as error:
        report.fail(name, str(error))
        return
    folder = ROOT / "out/fuzz/run" / test
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "corpus").mkdir(parents=True)
    seeds = ROOT / "tests/fuzz/seeds" / test
    status, output = run([ROOT / "out/fuzz" / test, "-seed=1", f"-runs={asked['runs']}",
                          f"-max_len={asked['max_len']}", "-timeout=20", "corpus",
                          *([seeds] if seeds.is_dir() else [])],
                         timeout=HANG_S, cwd=folder, env=clean_environment())
    log = LOGS / "fuzz" / f"{test}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text(output, encoding="utf-8")
    if status is None:
        report.fail(name, f"hung: not over after {HANG_S} s", output)
    elif status or f"Done {asked['runs']} runs" not in output:
        report.fail(name, f"exit status {status}; the input is in {folder}", output)
    else:
        report.ok(name)


def suite(report):
    tests = [test for test in make_list("FUZZ_TESTS") if report.selected(f"fuzz/{test}")]
    failed, output = make_each([], [f"out/fuzz/{test}" for test in tests])
    for target in sorted(failed):
        report.fail(f"fuzz/{target.rpartition('/')[2]}", "did not build", output)
    parallel([functools.partial(run_one, report, test) for test in tests
              if f"out/fuzz/{test}" not in failed])
