"""Guest tests: every test's image on every machine that it asks for."""
import functools
import itertools
import random
import time

from . import config, qemu, tap
from .host import LOGS, ROOT, make, make_list, parallel


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


def build(found):
    """Builds each image for each build that it runs in; returns {build: output of make}."""
    output = {}
    wanted = sorted({(machine.build, test) for test, plan in found.items()
                     for machine in plan.machines})
    for name, group in itertools.groupby(wanted, key=lambda pair: pair[0]):
        toolchain, kind = name.split("-")
        _, output[name] = make("-k", f"TOOLCHAIN={toolchain}", f"BUILD={kind}",
                               f"out/{name}/exo.Image",
                               *(f"out/{name}/guest/{test}.img" for _, test in group))
    return output


def run_one(report, test, plan, machine, built, cmdline="", patience=1):
    name = f"guest/{test} ({machine.label()})"
    folder = ROOT / "out" / machine.build
    image = folder / "guest" / f"{test}.img"
    if not image.exists() or not (folder / "exo.Image").exists():
        report.fail(name, "did not build", built[machine.build])
        return
    log = LOGS / "guest" / f"{test}.{machine.label()}.log"
    status, console = qemu.run(machine, image, plan, log, cmdline, patience)
    problems = qemu.problems(plan, status, console, patience)
    result = tap.parse(console)
    if plan.expect == "pass":
        problems = (problems or result.problems) if status == 0 else problems
    elif not problems and not result.points:
        report.ok(f"{name} panics")
    report.tap(name, result, problems, console)


def run(report):
    found = plans(report)
    built = build(found)
    parallel([functools.partial(run_one, report, test, plan, machine, built)
              for test, plan in found.items() for machine in plan.machines])


def soak(report, seconds):
    """Repeats all tests, with exo.soak=1 and a new exo.seed each time, for `seconds`."""
    end = time.monotonic() + seconds
    found = plans(report)
    built = build(found)
    for round_number in itertools.count(1):
        seed = random.getrandbits(32)
        print(f"# soak: round {round_number}, exo.seed={seed}", flush=True)
        parallel([functools.partial(run_one, report, test, plan, machine, built,
                                    f"exo.soak=1 exo.seed={seed}", patience=10)
                  for test, plan in found.items() for machine in plan.machines])
        if not found or time.monotonic() >= end:
            return
