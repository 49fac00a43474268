"""Guest tests: every test's image on every machine that it asks for."""
import functools
import itertools
import random
import time

from . import actions, config, qemu, tap
from .host import LOGS, ROOT, make_each, make_list, parallel


def plans(report):
    """{test: plan}, reporting those whose config line is wrong."""
    found = {}
    for test in make_list("GUEST_TESTS"):
        if not report.selected(f"guest/{test}"):
            continue
        try:
            source = ROOT / "tests/guest" / f"{test}.c"
            found[test] = qemu.plan(source.read_text(encoding="utf-8"))
        except (config.ConfigError, ValueError) as error:
            report.fail(f"guest/{test}", str(error))
    return found


def build(report, found):
    """Builds each image for each build that it runs in, reports those that do not build, and
    returns the (test, plan, machine) that can run."""
    broken = set()
    wanted = sorted({(machine.build, test) for test, plan in found.items()
                     for machine in plan.machines})
    for name, group in itertools.groupby(wanted, key=lambda pair: pair[0]):
        toolchain, kind = name.split("-")
        kernel = f"out/{name}/exo.Image"
        images = {test: f"out/{name}/guest/{test}.img" for _, test in group}
        failed, output = make_each([f"TOOLCHAIN={toolchain}", f"BUILD={kind}"],
                                   [kernel, actions.PUMP, *images.values()])
        for test, image in images.items():
            if failed & {kernel, actions.PUMP, image}:
                report.fail(f"guest/{test} ({name})", "did not build", output)
                broken.add((name, test))
                output = ""
    return [(test, plan, machine) for test, plan in found.items() for machine in plan.machines
            if (machine.build, test) not in broken]


def run_one(report, test, plan, machine, cmdline="", patience=1):
    name = f"guest/{test} ({machine.label()})"
    image = ROOT / "out" / machine.build / "guest" / f"{test}.img"
    log = LOGS / "guest" / f"{test}.{machine.label()}.log"
    start = time.monotonic()
    status, console = qemu.run(machine, image, plan, log, cmdline, patience)
    report.took(name, time.monotonic() - start)
    if reason := qemu.not_permitted(status, console):
        report.skip(name, reason)
        return
    problems = qemu.problems(plan, status, console, patience)
    result = tap.parse(console)
    if plan.expect == "pass":
        problems = (problems or result.problems) if status == 0 else problems
    elif not problems and not result.points:
        report.ok(f"{name} panics")
    report.tap(name, result, problems, console)


def run(report):
    runs = build(report, plans(report))
    parallel([functools.partial(run_one, report, *each) for each in runs])


def soak(report, seconds):
    """Repeats all tests, with exo.soak=1 and a new exo.seed each time, for `seconds`."""
    end = time.monotonic() + seconds
    runs = build(report, plans(report))
    for round_number in itertools.count(1):
        seed = random.getrandbits(32)
        print(f"# soak: round {round_number}, exo.seed={seed}", flush=True)
        parallel([functools.partial(run_one, report, *each, f"exo.soak=1 exo.seed={seed}",
                                    patience=10) for each in runs])
        if not runs or time.monotonic() >= end:
            return
