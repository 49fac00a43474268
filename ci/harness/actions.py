"""What a guest's console lines make the host do: a line `WORD: TEXT` with a word of the table.

    qmp: COMMAND key=value ...      a command for QEMU (qmp.py)
    pump: FRAMES MAC [WINDOW]       frames over the tap device, while the guest runs (tests/bench/tools)
    peer: ADDRESS CHECK             the other side of a test over it (tests/guest/peer)

What could not be done is a failure of the run: problems() names it.
"""
import re
import subprocess

from . import qmp
from .host import ROOT, finish
from .patience import spent

PUMP = "out/host/pump"
PEER = "tests/guest/peer/peer.py"
FAILED = "host: failed: "
HELPER_END_S = 60       # after the machine's end, which they notice


class Actions:
    """The host's side of one run, of the machine that run-qemu has as process `pid`."""

    def __init__(self, pid, socket):
        self.pid, self.monitor, self.helpers = pid, qmp.Monitor(socket), []
        self.table = {"qmp": self.monitor.perform, "pump": lambda text: self.help(PUMP, text),
                      "peer": lambda text: self.help(PEER, text)}

    def help(self, program, text):
        """Starts a program beside the machine, with its process id and those words."""
        self.helpers.append(subprocess.Popen(
            [ROOT / program, str(self.pid), *text.split()], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True))

    def line(self, line):
        """Does what a console line asks for; returns what is to be logged behind it."""
        word, colon, text = line.rstrip().partition(": ")
        if colon and word in self.table:
            try:
                self.table[word](text)
            except (qmp.Failed, OSError, ValueError) as error:
                return f"{FAILED}{word}: {error}\n"
        return ""

    def finish(self):
        """After the machine's end: what else is to be logged."""
        self.monitor.close()
        log = ""
        for helper in self.helpers:
            name = helper.args[0].stem
            hung, output = finish(helper, HELPER_END_S)
            output += f"{spent(HELPER_END_S)} after the machine's end" if hung else ""
            log += f"{FAILED if helper.returncode else 'host: '}{name}: {output.strip()}\n"
        return log


def problems(console):
    """What could not be done in a run."""
    return re.findall(f"^{FAILED}(.*)$", console, re.MULTILINE)
