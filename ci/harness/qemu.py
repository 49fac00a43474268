"""Machines for guest tests: which ones a test asks for, and running one."""
import itertools
import re
import subprocess
import tempfile
from typing import NamedTuple

from . import actions, config
from .host import ROOT, clean_environment
from .patience import Guard, spent

KEYS = {"smp", "cpu", "el2", "icount", "build", "mem", "timeout", "expect", "cmdline",
        "devices", "its"}
PLAIN = {"mem", "timeout", "expect", "cmdline", "devices", "its"}
BUILDS = {"release": ["clang-release", "gcc-release"], "debug": ["clang-debug"]}
TIMEOUT_S = 120
NOT_PERMITTED = 77      # run-qemu: the host does not permit a device that the machine needs


class Machine(NamedTuple):
    """One way to run a guest."""
    smp: str = "4"
    cpu: str = "max"
    el2: str = "0"
    icount: str = "0"
    build: str = "clang-release"

    def label(self):
        parts = [f"smp{self.smp}", self.cpu]
        parts += ["el2"] if self.el2 == "1" else []
        parts += ["icount"] if self.icount == "1" else []
        return ",".join(parts + ([self.build] if self.build != "clang-release" else []))


class Plan(NamedTuple):
    """What a test's config line asks for."""
    machines: list
    mem: str
    timeout_s: int
    expect: str
    cmdline: str
    devices: str = ""
    its: str = "1"


def plan(text):
    """The plan of a test whose source is `text`. The first build runs on every machine, the others
    on one: the last smp with the first of the rest."""
    asked = config.parse(text, KEYS, PLAIN)
    smp, cpu = asked.get("smp", ["1", "4"]), asked.get("cpu", ["max", "cortex-a72"])
    el2, icount = asked.get("el2", ["0"]), asked.get("icount", ["0"])
    builds = []
    for name in asked.get("build", ["release", "debug"]):
        if name not in BUILDS:
            raise config.ConfigError(f"config: build={name}: must be release or debug")
        builds += BUILDS[name]
    expect = asked.get("expect", "pass")
    if expect.partition(":")[0] not in ("pass", "panic"):
        raise config.ConfigError(f"config: expect={expect}: must be pass, panic or panic:<text>")
    machines = [Machine(*values, builds[0])
                for values in itertools.product(smp, cpu, el2, icount)]
    machines += [Machine(smp[-1], cpu[0], el2[0], icount[0], build) for build in builds[1:]]
    return Plan(machines, asked.get("mem", "256M"), int(asked.get("timeout", TIMEOUT_S)), expect,
                asked.get("cmdline", ""), asked.get("devices", ""), asked.get("its", "1"))


def follow(process, file, host):
    """Copies the console into `file` until the machine ends, and acts upon its lines."""
    for line in process.stdout:
        file.write(line + host.line(line.decode(errors="replace")).encode())


def run(machine, image, the_plan, log, cmdline="", patience=1, kernel=None):
    """Boots `image` with the kernel of its build (or `kernel`, which may need no image) and waits for
    its end. Returns (status or None when it hung, console)."""
    kernel = kernel or ROOT / "out" / machine.build / "exo.Image"
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "wb") as file, tempfile.TemporaryDirectory(prefix="chitin-") as folder:
        socket = f"{folder}/qmp"
        environment = clean_environment(
            SMP=machine.smp, CPU=machine.cpu, EL2=machine.el2, ICOUNT=machine.icount,
            MEM=the_plan.mem, DEVICES=the_plan.devices, ITS=the_plan.its, QMP=socket,
            CMDLINE=f"{the_plan.cmdline} {cmdline}".strip())
        process = subprocess.Popen(
            [ROOT / "build/tools/run-qemu", "--kernel", kernel,
             *(["--initrd", image] if image else [])], env=environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        host = actions.Actions(process.pid, socket)
        with Guard(the_plan.timeout_s * patience, process.terminate) as guard:
            with process.stdout:
                follow(process, file, host)
            status = process.wait()
        file.write(host.finish().encode())
    return None if guard.hung else status, log.read_bytes().decode(errors="replace")


def not_permitted(status, console):
    """Why this host cannot run the machine, or nothing."""
    last = (console.splitlines() or [""])[-1]
    return last.removeprefix("run-qemu: ") if status == NOT_PERMITTED and last.startswith(
        "run-qemu: ") else ""


def problems(the_plan, status, console, patience=1):
    """What is wrong with a run apart from its TAP points."""
    failed = actions.problems(console)
    panics = [line for line in console.splitlines() if line.startswith("exo: panic")]
    kind, _, text = the_plan.expect.partition(":")
    if status is None:
        in_test = re.findall(r"^# (\w+)\r?$", console, re.MULTILINE)[-1:]  # tests/guest/lib/test.c
        return [" in ".join([spent(the_plan.timeout_s * patience), *in_test])]
    if failed:
        return failed
    if kind == "pass":
        return [p.rstrip() for p in panics[:1]] + ([f"exit status {status}"] if status else [])
    if not panics:
        return ["no kernel panic, which the test expects"]
    cause, *rest = text.split("|")
    if not any(cause in line for line in panics):
        return [f"the panic does not say: {cause}"]
    shown = console[console.index("exo: panic"):]
    missing = [f"the panic does not show: {text}" for text in rest if text not in shown]
    if missing:
        return missing
    return [] if status else ["exit status 0 after a panic"]
