"""QEMU's monitor (QMP), for what a test wants done to its machine while it runs.

A guest prints a line `qmp: COMMAND key=value ...`, such as

    qmp: device_del id=net0                       press the attention button of its root port
    qmp: set_link name=net0 up=false              a change of configuration
    qmp: block_resize node-name=blk0-disk size=33554432

and the harness sends that command. Numbers and true, false are sent as such. What QEMU refuses is a
failure of the test. That the machine ended before it answered is none: a guest may see the effect,
and end, before QEMU has said so; and one that does not see it fails by itself.
Answers are waited for as long as there is a machine: who runs one has a guard that ends it.
"""
import json
import shlex
import socket


class Failed(Exception):
    """What QEMU did not do, and why."""


def value(text):
    """The JSON value of one argument."""
    try:
        found = json.loads(text)
    except ValueError:
        return text
    return found if isinstance(found, (bool, int)) else text


def parse(text):
    """(command, arguments) of a line behind `qmp: `."""
    command, *words = shlex.split(text) or [""]
    pairs = [word.partition("=") for word in words]
    if not command or not all(key and equals for key, equals, _ in pairs):
        raise Failed(f"{text}: must be COMMAND key=value ...")
    return command, {key: value(text) for key, _, text in pairs}


class Monitor:
    """A connection to the monitor at a socket, made when it is first needed."""

    def __init__(self, path):
        self.path, self.lines, self.socket = path, None, None

    def connect(self):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(str(self.path))
        self.lines = self.socket.makefile("rw", encoding="utf-8")
        self.lines.readline()                   # the greeting
        self.ask("qmp_capabilities", {})

    def ask(self, command, arguments):
        """What the command returns, None at the end of the connection. Passes over events."""
        self.lines.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        self.lines.flush()
        for answer in map(json.loads, self.lines):
            if "error" in answer:
                raise Failed(f"{command}: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"]
        return None

    def execute(self, command, **arguments):
        """What the command returns, or None when the machine ended first."""
        try:
            if not self.socket:
                self.connect()
            return self.ask(command, arguments)
        except OSError:
            return None

    def perform(self, text):
        """Does what a line behind `qmp: ` asks for."""
        command, arguments = parse(text)
        self.execute(command, **arguments)

    def close(self):
        for part in filter(None, (self.lines, self.socket)):
            try:
                part.close()
            except OSError:
                pass
