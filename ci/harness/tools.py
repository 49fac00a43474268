"""Tests of the host tools: tests/tools/test_*.py, Python's unittest."""
import functools
import io
import json
import os
import subprocess
import sys
import time
import unittest

from .host import ROOT, parallel

FOLDER = ROOT / "tests" / "tools"


class Reporter(unittest.TestResult):
    """Sends each test's result: what to call of the report, and with what."""

    def __init__(self, send):
        super().__init__(io.StringIO(), False, 0)
        self.send = send

    @staticmethod
    def name(test):
        return "tools/" + test.id().replace(".", "/", 1)

    def addSuccess(self, test):
        self.send(("ok", self.name(test)))

    def addSkip(self, test, reason):
        self.send(("skip", self.name(test), reason))

    def addFailure(self, test, err):
        self.send(("fail", self.name(test), "failed", self._exc_info_to_string(err, test)))

    addError = addFailure

    def addSubTest(self, test, subtest, err):
        if err:
            self.addFailure(subtest, err)


def soak(report):
    """The tests that know of SOAK, which makes them long."""
    os.environ["SOAK"] = "1"
    suite(report, "test_llmd_load.py")


def run_file(name):
    """In a process of its own: a line of JSON for each result of one file, and then `null`."""
    results = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)  # what tests print is none

    def send(result):
        results.write(json.dumps(result) + "\n")
        results.flush()

    unittest.TestLoader().discover(str(FOLDER), pattern=name).run(Reporter(send))
    send(None)


def run_one(report, path):
    """Runs a file's tests in another process, which may end without having said so."""
    start = time.monotonic()
    result = ()
    with subprocess.Popen([sys.executable, "-B", "-m", "harness.tools", path.name],
                          cwd=ROOT / "ci", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as child:
        for line in child.stdout:
            if result := json.loads(line):
                getattr(report, result[0])(*result[1:])
    if result is not None:
        report.fail(f"tools/{path.stem}", f"ended in the middle, with {child.returncode}")
    report.took(f"tools/{path.stem}", time.monotonic() - start)


def suite(report, pattern="test_*.py"):
    """The files side by side: they wait for machines most of the time."""
    parallel([functools.partial(run_one, report, path) for path in sorted(FOLDER.glob(pattern))
              if report.selected(f"tools/{path.stem}")])


if __name__ == "__main__":
    run_file(sys.argv[1])
