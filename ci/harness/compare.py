"""Benchmarks that are compared with a program on the bare machine, which does the same work.

Both run on the same machine, in turn, ROUNDS times, so that whatever else the host does meets both;
each prints `bench: NAME VALUE UNIT` with the benchmark's name. The ratio is the median of the rounds'.
"""
import re
import statistics

from . import qemu
from .host import LOGS, ROOT

ROUNDS = 7
BAR = "0.9"     # of what the bare machine makes
SOURCES = ROOT / "tests/bench/baremetal"


class Failed(Exception):
    """A run that did not end well, or said no figure."""


def run(name, side, image, plan):
    """(value, unit) of one run, or None where the host does not permit the machine."""
    machine = plan.machines[0]._replace(build=image.parent.parent.name)
    bare = image.suffix == ".Image"
    status, console = qemu.run(machine, None if bare else image, plan,
                               LOGS / "bench" / f"{name}.{side}.log", patience=10,
                               kernel=image if bare else None)
    if reason := qemu.not_permitted(status, console):
        print(f"# skip {name}: {reason}", flush=True)
        return None
    found = re.search(rf"^bench: {name} (\d+) (\S+)\s*$", console, re.MULTILINE)
    problems = qemu.problems(plan, status, console, patience=10)
    if problems or not found:
        print(console[-3000:])
        raise Failed(f"{name} ({side}): {'; '.join(problems) or 'no figure'}")
    remarks = "; ".join(re.findall(r"^host: (.*)$", console, re.MULTILINE))
    print(f"# {name} ({side}): {found[1]} {found[2]}" + (f" ({remarks})" if remarks else ""),
          flush=True)
    return int(found[1]), found[2]


def measure(bare, image):
    """Figures (figure, unit, bar, value) of one benchmark: those of the bare machine alone when there
    is no `image` of ours, none where the host does not permit the machine."""
    name = bare.stem
    plan = qemu.plan((SOURCES / f"{name}.c").read_text(encoding="utf-8"))
    sides = {"baremetal": bare} | ({"chitin": image} if image else {})
    values = {side: [] for side in sides}
    for _ in range(ROUNDS):
        for side, path in sides.items():
            result = run(name, side, path, plan)
            if result is None:
                return []
            values[side].append(result[0])
    figures = [(f"{name}_{side}", result[1], "", str(round(statistics.median(found))))
               for side, found in values.items()]
    if image:
        ratios = [ours / theirs for ours, theirs in zip(values["chitin"], values["baremetal"])]
        figures.append((f"{name}_ratio", "ratio", BAR, f"{statistics.median(ratios):.3f}"))
    return figures
