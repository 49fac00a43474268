"""A machine under init, driven by its console, which is stdin and stdout."""
import re
import subprocess
import time

from .host import ROOT, clean_environment
from .patience import Patience, running

OUT = ROOT / "out" / "clang-release"
HANGS_S = 60    # until somebody serves again: patience.py


class Console:
    """A machine that boots `image`. What it says is kept in `lines`."""

    def __init__(self, image, **variables):
        # pylint: disable-next=consider-using-with
        self.process = subprocess.Popen(
            [ROOT / "build/tools/run-qemu", "--kernel", OUT / "exo.Image", "--initrd", image],
            env=clean_environment(**variables), stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1)
        self.lines, self.port = [], None
        running.add(self)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.communicate()

    def type(self, line):
        self.process.stdin.write(line + "\n")

    def line(self):
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError("the machine is over:\n" + "".join(self.lines))
        self.lines.append(line)
        if " is the guest's port 80" in line:
            self.port = int(line.split()[1].rsplit(":", 1)[1])
        return line.rstrip("\n")

    def until(self, pattern):
        """The match in the next line that has one."""
        while True:
            found = re.search(pattern, self.line())
            if found:
                return found

    def ready(self, count=1):
        """Waits until so many services are."""
        for _ in range(count):
            self.until("init: .*: ready")

    def rest(self):
        """Waits until it ends by itself: its exit status, and what it still said."""
        return self.process.wait(), self.process.stdout.read()

    def free(self):
        """Frames that belong to nobody."""
        self.type("list")
        return int(self.until(r"init: (\d+) frames free")[1])

    def state(self, name):
        """(what a service is, how often it was started again)"""
        self.type("list")
        state = self.until(rf"init: {name}: (\w+), started again (\d+) times?,")
        self.until("frames free")
        return state[1], int(state[2])

    def end(self):
        """Powers it off; its exit status and all it said."""
        self.type("poweroff")
        self.lines += self.process.stdout.readlines()
        return self.process.wait(), "".join(self.lines)


def restart_ms(image, name, serves, **variables):
    """Milliseconds from the command that crashes a service until `serves(port)`."""
    with Console(image, NET="user", **variables) as machine:
        machine.ready()
        begun, patience = time.monotonic(), Patience(HANGS_S)
        machine.type(f"kill {name}")
        machine.until(f"init: {name}: crashed")
        while not serves(machine.port):
            if patience.is_over():
                raise AssertionError("nobody serves:\n" + "".join(machine.lines))
        return (time.monotonic() - begun) * 1000
