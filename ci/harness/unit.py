"""Host unit tests, under sanitizers or on an emulated Arm CPU; they print TAP (cmocka does when
asked)."""
import functools

from . import tap
from .host import LOGS, ROOT, clean_environment, make_each, make_list, parallel, run
from .patience import spent

HANG_S = 120
OPTIONS = {"CMOCKA_MESSAGE_OUTPUT": "TAP", "ASAN_OPTIONS": "detect_stack_use_after_return=1:print_legend=0",
           "UBSAN_OPTIONS": "print_stacktrace=1", "TSAN_OPTIONS": "halt_on_error=1"}
# What is built for Arm runs in QEMU's user mode, with SVE vectors of 256 bits.
RUNNERS = {"arm": ["qemu-aarch64", "-cpu", "max,pauth-impdef=on,sve-default-vector-length=32"],
           "cortex-a72": ["qemu-aarch64", "-cpu", "cortex-a72"]}
# These ask the CPU what it has: they also run on one that has less.
OLDER = {"test_kernels_int4", "test_kernels_dot", "test_choice"}


def run_one(report, target, runner):
    test = target.rpartition("/")[2]
    name = f"unit/{test} ({runner})"
    status, output = run([*RUNNERS.get(runner, []), ROOT / target], seconds=HANG_S,
                         env=clean_environment(**OPTIONS))
    log = LOGS / "unit" / f"{test}.{runner}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text(output, encoding="utf-8")
    result = tap.parse(output)
    problems = result.problems
    if status is None:
        problems = [spent(HANG_S)]
    elif status:
        problems = [f"exit status {status}", *problems]
    report.tap(name, result, problems, output)


def suite(report):
    targets = [target for target in make_list("UNIT_TARGETS")
               if report.selected(f"unit/{target.rpartition('/')[2]}")]
    failed, output = make_each([], targets)
    for target in sorted(failed):
        sanitizer, test = target.split("/")[-2:]
        report.fail(f"unit/{test} ({sanitizer})", "did not build", output)
        output = ""
    runs = [(target, target.split("/")[-2]) for target in targets if target not in failed]
    runs += [(target, "cortex-a72") for target, kind in runs
             if kind == "arm" and target.rpartition("/")[2] in OLDER]
    parallel([functools.partial(run_one, report, target, runner) for target, runner in runs])
