"""build/gdb/exo.py against a running kernel: each command shows what must be there after boot."""
import os
import pathlib
import re
import shutil
import subprocess
import unittest

from harness.host import finish

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEBUG = ROOT / "build" / "tools" / "debug"
SECONDS = 30    # patience.py
# Until the first program is about to run, and then some recorded system calls. (gdb takes a line of
# an inlined function for the end of trap_call's prologue.)
BEGIN = ["tbreak arch_enter_user", "continue", "set var trace_mask = 0x1ff", "break *trap_call",
         "ignore 2 9", "continue"]
COMMANDS = ["exo cells", "exo envs", "exo caps 1", "exo sched", "exo trace", "exo trace 0 3",
            "exo trace 1 5", "exo trace 9", "exo caps", "exo caps 77", "exo caps one", "exo envs 1",
            "help exo"]


def images():
    """(kernel, boot image) of each build that has both and is not older than its sources:
    make test built it just now."""
    newest = max(path.stat().st_mtime for path in (ROOT / "exo").rglob("*.[chS]"))
    for kernel in sorted(ROOT.glob("out/*/exo.elf")):
        folder = kernel.parent
        found = [p for p in [folder / "demo.img", folder / "guest" / "hello.img"] if p.exists()]
        if found and kernel.stat().st_mtime >= newest:
            yield kernel, found[0]


def run(kernel, image):
    """What gdb printed behind each of COMMANDS, and all of it."""
    command = [DEBUG, "--kernel", kernel, "--initrd", image, "--batch"]
    for line in BEGIN:
        command += ["--ex", line]
    for line in COMMANDS:
        # An error must not end the batch, and its text belongs to its command.
        command += ["--ex", rf"echo \n== {line}\n", "--ex",
                    f"python\ntry:\n  gdb.execute({line!r})\n"
                    "except gdb.error as e:\n  print('error:', e)\n"]
    gdb = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, text=True,
                           env=dict(os.environ, SMP="2"))
    hung, output = finish(gdb, SECONDS)
    output += "\n(hung)" if hung else ""
    parts = re.split(r"^== (.*)\n", output, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2])), output


class Gdb(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not shutil.which("gdb-multiarch"):
            raise unittest.SkipTest("gdb-multiarch is not installed")
        if not shutil.which("qemu-system-aarch64"):
            raise unittest.SkipTest("qemu-system-aarch64 is not installed")
        found = next(images(), None)
        if found is None:
            raise unittest.SkipTest("no kernel with a boot image in out/ that is newer than exo/")
        cls.shown, cls.output = run(*found)

    def section(self, command):
        self.assertIn(command, self.shown, self.output)
        return self.shown[command]

    def test_cells(self):
        text = self.section("exo cells")
        self.assertRegex(text, r"^cell [0-9a-f]{16}: \d+ doomed, \d+ zombies\n")
        accounts = re.findall(r"(\w+) +limit +(\d+) own +(\d+) carved +(\d+) free +(\d+)", text)
        self.assertEqual([a[0] for a in accounts[:4]], ["frames", "caps", "envs", "cpu_slots"])
        for _, limit, own, carved, free in accounts:
            self.assertEqual(int(limit), int(own) + int(carved) + int(free))
        self.assertEqual(accounts[3][1], "64")

    def test_envs(self):
        text = self.section("exo envs")
        self.assertRegex(text, r"^env 1 [0-9a-f]{16}: cell [0-9a-f]{16}, ASID 1, \d+ tables\n"
                               r"  vcpu 0 [0-9a-f]{16}: CPU 0, ready, current.*, pc [0-9a-f]+\n")

    def test_caps(self):
        text = self.section("exo caps 1")
        for line in [r" +1 cell +rwxcC [0-9a-f]{16} \(root.*\)", r" +2 env +rwxcC",
                     r" +3 vcpu +rwxcC", r" +4 machine +rwxcC", r" +5 trace +rwxcC",
                     r" +6 frames +rw--C [0-9a-f]{16} frames 9000 \+ 1 device",
                     r" +8 frames +r-x-C .*mapped in pages", r" +16 cpu +rwxcC .* slots 0 \+ 32",
                     r" +17 cpu "]:
            self.assertRegex(text, re.compile("^" + line, re.MULTILINE))

    def test_caps_name_the_objects_that_envs_and_cells_show(self):
        def of(command, pattern):
            return re.search(pattern, self.section(command), re.MULTILINE).group(1)
        for slot, (command, pattern) in enumerate([("exo cells", "^cell ([0-9a-f]+)"),
                                                   ("exo envs", "^env 1 ([0-9a-f]+)"),
                                                   ("exo envs", "^  vcpu 0 ([0-9a-f]+)")], 1):
            self.assertEqual(of("exo caps 1", rf"^ +{slot} \w+ +\S+ ([0-9a-f]+)"),
                             of(command, pattern))

    def test_sched(self):
        text = self.section("exo sched")
        self.assertRegex(text, r"^CPU 0: env 1 vcpu 0, in the kernel since epoch \d+, slot \d+ ")
        self.assertRegex(text, r"(?m)^CPU 1: \w+.*")
        self.assertEqual(len(re.findall("(?m)^  slots: 0-", text)), 2)

    def test_trace(self):
        text = self.section("exo trace")
        self.assertIn("recorded: mask 1ff\n", text)
        self.assertRegex(text, r"(?m)^ +\d+ CPU 0 env   1 call +\w+ x0=")
        self.assertRegex(text, r"(?m)^ +\d+ CPU 0 env   1 call_end +\w+ = ")
        ticks = [int(t) for t in re.findall(r"(?m)^ *(\d+) CPU", text)]
        self.assertEqual(ticks, sorted(ticks))
        self.assertGreater(len(ticks), 10)

    def test_trace_of_one_cpu(self):
        self.assertEqual(len(re.findall(r"(?m)^ *\d+ CPU 0 ", self.section("exo trace 0 3"))), 3)
        self.assertNotIn(" CPU 0 ", self.section("exo trace 1 5"))

    def test_help(self):
        self.assertEqual(re.findall(r"(?m)^exo (\w+) --", self.section("help exo")),
                         ["caps", "cells", "envs", "sched", "trace"])

    def test_wrong_arguments_are_refused(self):
        for command, why in [("exo trace 9", "error: exo trace: there are 2 CPUs"),
                             ("exo caps", "error: exo caps: the number of an environment"),
                             ("exo caps 77", "error: exo caps: there is no environment 77"),
                             ("exo caps one", "error: exo caps: ENV"),
                             ("exo envs 1", "error: exo envs: ")]:
            self.assertIn(why, self.section(command))
