"""Host unit tests, under sanitizers; they print TAP (cmocka does when asked)."""
import functools

from . import tap
from .host import LOGS, ROOT, clean_environment, make, make_list, parallel, run

TIMEOUT_S = 300
OPTIONS = {"CMOCKA_MESSAGE_OUTPUT": "TAP", "ASAN_OPTIONS": "detect_stack_use_after_return=1",
           "UBSAN_OPTIONS": "print_stacktrace=1", "TSAN_OPTIONS": "halt_on_error=1"}


def run_one(report, target, built):
    sanitizer, test = target.split("/")[-2:]
    name = f"unit/{test} ({sanitizer})"
    if not (ROOT / target).exists():
        report.fail(name, "did not build", built)
        return
    status, output = run([ROOT / target], timeout=TIMEOUT_S, env=clean_environment(**OPTIONS))
    log = LOGS / "unit" / f"{test}.{sanitizer}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text(output, encoding="utf-8")
    result = tap.parse(output)
    problems = result.problems
    if status is None:
        problems = [f"hung: not over after {TIMEOUT_S} s"]
    elif status:
        problems = [f"exit status {status}", *problems]
    report.tap(name, result, problems, output)


def suite(report):
    targets = [target for target in make_list("UNIT_TARGETS")
               if report.selected(f"unit/{target.rpartition('/')[2]}")]
    # An old program must not stand in for one that no longer builds.
    status, built = make("-k", *targets) if targets else (0, "")
    if status:
        for target in targets:
            if make("-q", target)[0]:
                (ROOT / target).unlink(missing_ok=True)
    parallel([functools.partial(run_one, report, target, built) for target in targets])
