"""Tests of the host tools: tests/tools/test_*.py, Python's unittest."""
import functools
import io
import json
import os
import pathlib
import subprocess
import sys
import threading
import time
import traceback
import unittest

from .host import ROOT, parallel
from .patience import Guard, running, spent

FOLDER = ROOT / "tests" / "tools"
TEST_S = 1200 if os.environ.get("SOAK") else 120    # that one test may take: patience.py
SHOWN_LINES = 12    # of what each machine said last, when it takes longer


class Reporter(unittest.TestResult):
    """Sends each test's result: what to call of the report, and with what."""

    def __init__(self, send, file):
        super().__init__(io.StringIO(), False, 0)
        self.send, self.file, self.at = send, file, file
        self.guard = Guard(TEST_S, self.hang)

    def startTest(self, test):
        super().startTest(test)
        self.at = self.name(test)
        self.guard.restart()

    def stopTest(self, test):
        super().stopTest(test)
        self.at = self.file
        self.guard.restart()

    def hang(self):
        """The end of the file: where its test is, and what runs beside it said last."""
        said = []
        for each in list(running):
            said += each.lines[-SHOWN_LINES:]
            each.process.kill()
        stack = traceback.extract_stack(sys._current_frames()[threading.main_thread().ident])
        said += [f"{frame.filename}:{frame.lineno}: {frame.line}\n" for frame in stack
                 if frame.filename.startswith(str(ROOT))]
        self.send(("fail", self.at, spent(TEST_S), "".join(said)))
        self.send(None)
        os._exit(1)

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

    reporter = Reporter(send, f"tools/{pathlib.Path(name).stem}")
    with reporter.guard:
        unittest.TestLoader().discover(str(FOLDER), pattern=name).run(reporter)
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
