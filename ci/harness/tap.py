"""Reads the Test Anything Protocol, strictly: what is missing is a problem, never a pass."""
import re
from typing import NamedTuple, Optional

PLAN = re.compile(r"1\.\.(\d+)\s*(?:#\s*SKIP\b\s*(.*))?$", re.IGNORECASE)
POINT = re.compile(r"(not )?ok\b\s*(\d+)?\s*(?:-\s*)?(.*?)\s*(?:#\s*SKIP\b\s*(.*))?$",
                   re.IGNORECASE)


class Point(NamedTuple):
    """One test: its name, whether it passed, and why it was skipped (None: it was not)."""
    name: str
    ok: bool
    skip: Optional[str]


class Result(NamedTuple):
    """All points, and what is wrong with the output as a whole."""
    points: list
    problems: list
    skip_all: Optional[str]


def parse(text):
    """The result of a program that printed `text`. Several plans (cmocka groups) add up."""
    points, problems, planned, skip_all = [], [], None, None
    for line in text.splitlines():
        line = line.rstrip()
        if line.startswith("Bail out!"):
            problems.append(line)
        elif plan := PLAN.match(line):
            planned = (planned or 0) + int(plan[1])
            if planned == 0 and plan[2] is not None:
                skip_all = plan[2] or "no reason given"
        elif (point := POINT.match(line)) and line.startswith(("ok", "not ok")):
            points.append(Point(point[3] or point[4] or f"test {point[2] or len(points) + 1}",
                                point[1] is None, point[4]))
    if planned is None:
        problems.append(f"no plan (1..N) after {len(points)} tests")
    elif planned != len(points):
        problems.append(f"{planned} tests planned, {len(points)} seen")
    elif planned == 0 and skip_all is None:
        problems.append("no tests")
    return Result(points, problems, skip_all)
