"""How long is waited for what hangs. No test is decided here: who runs out of patience has met something
that never ends, and says what it was.

Hosts are slow, overloaded, or stand still for minutes, while their clocks go on. So a second is one of a
quiet host, for which LOAD waits of a second are allowed; and a wait counts as one, however long it took.
"""
import os
import threading
import time
import weakref

LOAD = int(os.environ.get("LOAD") or 10)
# What runs beside a test: each has its `process`, and in `lines` what it said.
running = weakref.WeakSet()


def spent(seconds):
    """What is said of patience that is over."""
    return f"hung: not over after {seconds * LOAD} waits of a second"


class Patience:
    """So many seconds of a quiet host, for a loop that asks whether they are over."""

    def __init__(self, seconds):
        self.left, self.at = seconds * LOAD, time.monotonic()

    def is_over(self):
        now = time.monotonic()
        if now - self.at >= 1:
            self.left, self.at = self.left - 1, now
        return self.left <= 0


class Guard:
    """Calls `late` from a thread of its own when what it is begun for is not over after so many seconds
    of a quiet host; `hung` is true then."""

    def __init__(self, seconds, late):
        self.seconds, self.late, self.hung = seconds, late, False
        self.patience, self.over = Patience(seconds), threading.Event()
        self.thread = threading.Thread(target=self.watch, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()

    def restart(self):
        """Something was over, and what comes next has as long."""
        self.patience = Patience(self.seconds)

    def watch(self):
        while not self.over.wait(1):
            if self.patience.is_over():
                self.hung = True
                self.late()
                return
