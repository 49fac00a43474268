"""One line per test, the time of each suite, and the sum at the end."""
import contextlib
import fnmatch
import itertools
import threading
import time
import traceback

from .host import LOGS

TAIL_LINES = 40
SLOWEST = 8  # that are named behind a suite


class Report:
    """Counts and prints results; may be used from several threads."""

    def __init__(self, pattern=None):
        self.pattern = pattern
        self.passed, self.skipped, self.failures = 0, 0, []
        self.times = []
        self.lock = threading.Lock()

    def selected(self, name):
        """Whether TESTS asks for `name` ("suite/test"), its suite or its last part."""
        if not self.pattern:
            return True
        parts = [name, name.partition("/")[0], name.rpartition("/")[2]]
        return any(fnmatch.fnmatchcase(part, self.pattern) for part in parts)

    def ok(self, name):
        with self.lock:
            self.passed += 1
            print(f"ok     {name}", flush=True)

    def skip(self, name, reason):
        with self.lock:
            self.skipped += 1
            print(f"skip   {name}: {reason}", flush=True)

    def fail(self, name, reason, log="", again=()):
        """A failed test; the end of `log` is shown, and the lines `again` once more at the end of
        the report."""
        with self.lock:
            self.failures.append([f"failed: {name}: {reason}", *again])
            print(f"not ok {name}: {reason}", flush=True)
            for line in log.splitlines()[-TAIL_LINES:]:
                print(f"       | {line}", flush=True)

    def tap(self, name, result, problems, log):
        """Everything that one program said in TAP. `problems` come from outside of it, and count
        as a failure of their own when no point failed already."""
        failed = [point for point in result.points if not point.ok and point.skip is None]
        for point in result.points:
            full = f"{name} {point.name}"
            if point.skip is not None:
                self.skip(full, point.skip or "no reason given")
            elif point.ok:
                self.ok(full)
            else:
                self.fail(full, "not ok", log if point is failed[-1] else "")
        if result.skip_all is not None and not problems:
            self.skip(name, result.skip_all)
        if problems and not failed:
            self.fail(name, "; ".join(problems), log)
        elif problems:
            print(f"       {name}: {'; '.join(problems)}", flush=True)

    def took(self, name, seconds):
        with self.lock:
            self.times.append((seconds, name))

    @contextlib.contextmanager
    def suite(self, name):
        """Prints how long the suite took, and its slowest parts; an exception in it is a failure,
        not an end."""
        start = time.monotonic()
        try:
            yield
        except Exception as error:  # pylint: disable=broad-except
            self.fail(name, f"the harness failed: {error!r}", traceback.format_exc())
        finally:
            slowest = sorted(self.times, reverse=True)[:SLOWEST]
            self.times = []
            for seconds, part in slowest:
                print(f"#   {seconds:5.1f} s  {part}")
            print(f"# {name}: {time.monotonic() - start:.1f} s", flush=True)

    def finish(self):
        """Prints the summary; returns the exit status."""
        for line in itertools.chain(*self.failures):
            print(f"# {line}")
        ran = self.passed + len(self.failures)
        if not ran:
            print("# no test ran" + (f": TESTS={self.pattern} selects none" if self.pattern else ""))
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        summary = f"{self.passed} passed, {len(self.failures)} failed{skipped}"
        LOGS.mkdir(parents=True, exist_ok=True)
        (LOGS / "summary").write_text(summary + "\n", encoding="ascii")
        print(summary, flush=True)
        return 0 if ran and not self.failures else 1
