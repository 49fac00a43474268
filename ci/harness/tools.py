"""Tests of the host tools: tests/tools/test_*.py, Python's unittest."""
import io
import os
import sys
import unittest

from .host import ROOT


class Reporter(unittest.TestResult):
    """Hands each test's result to the report."""

    def __init__(self, report):
        super().__init__(io.StringIO(), False, 0)
        self.report = report

    @staticmethod
    def name(test):
        return "tools/" + test.id().replace(".", "/", 1)

    def addSuccess(self, test):
        self.report.ok(self.name(test))

    def addSkip(self, test, reason):
        self.report.skip(self.name(test), reason)

    def addFailure(self, test, err):
        self.report.fail(self.name(test), "failed", self._exc_info_to_string(err, test))

    addError = addFailure

    def addSubTest(self, test, subtest, err):
        if err:
            self.addFailure(subtest, err)


def soak(report):
    """The tests that know of SOAK, which makes them long."""
    os.environ["SOAK"] = "1"
    suite(report, "test_llmd_load.py")


def suite(report, pattern="test_*.py"):
    folder = ROOT / "tests" / "tools"
    sys.path.insert(0, str(ROOT / "ci"))
    for path in sorted(folder.glob(pattern)):
        if report.selected(f"tools/{path.stem}"):
            loader = unittest.TestLoader()
            loader.discover(str(folder), pattern=path.name).run(Reporter(report))
