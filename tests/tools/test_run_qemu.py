"""run-qemu: its variables, its errors, and that no emulator outlives it."""
import os
import pathlib
import signal
import subprocess
import tempfile
import unittest

RUN_QEMU = pathlib.Path(__file__).resolve().parents[2] / "build" / "tools" / "run-qemu"
# Stands in for QEMU: says its arguments; with WAIT, says its process id and stays.
STUB = """#!/bin/sh
if [ -n "$WAIT" ]; then echo $$; exec sleep 600; fi
for argument in "$@"; do echo "$argument"; done
exit "${STATUS:-0}"
"""


def gone(pid):
    """True once process `pid` is dead; a zombie that nobody has collected is."""
    try:
        state = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return state in "ZX"


class RunQemu(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.kernel = self.folder / "exo.Image"
        self.kernel.write_bytes(b"")
        stub = self.folder / "qemu-system-aarch64"
        stub.write_text(STUB)
        stub.chmod(0o755)
        (self.folder / "tmp").mkdir()

    def environment(self, **variables):
        return {"PATH": f"{self.folder}:{os.environ['PATH']}", "TMPDIR": f"{self.folder}/tmp",
                **variables}

    def run_qemu(self, **variables):
        done = subprocess.run([RUN_QEMU, "--kernel", self.kernel], capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, env=self.environment(**variables),
                              check=False)
        return done.returncode, done.stdout.splitlines(), done.stderr

    def value(self, arguments, option):
        return arguments[arguments.index(option) + 1]

    def test_defaults(self):
        status, arguments, _ = self.run_qemu()
        self.assertEqual(status, 0)
        self.assertEqual(self.value(arguments, "-M"), "virt,gic-version=3")
        self.assertEqual(self.value(arguments, "-cpu"), "max,pauth-impdef=on")
        self.assertEqual(self.value(arguments, "-smp"), "4")
        self.assertEqual(self.value(arguments, "-m"), "256M")
        self.assertEqual(self.value(arguments, "-append"), "")
        for absent in ("-icount", "-S", "-semihosting-config", "-initrd"):
            self.assertNotIn(absent, arguments)

    def test_variables(self):
        _, arguments, _ = self.run_qemu(SMP="1", MEM="1G", CPU="cortex-a72", EL2="1", ICOUNT="1",
                                        TEST="1", CMDLINE="a=1 b=2")
        self.assertEqual(self.value(arguments, "-M"), "virt,gic-version=3,virtualization=on")
        self.assertEqual(self.value(arguments, "-cpu"), "cortex-a72")
        self.assertEqual(self.value(arguments, "-smp"), "1")
        self.assertEqual(self.value(arguments, "-m"), "1G")
        self.assertEqual(self.value(arguments, "-icount"), "shift=0,sleep=off")
        self.assertEqual(self.value(arguments, "-append"), "a=1 b=2 exo.test=1")
        self.assertIn("-semihosting-config", arguments)

    def test_gdb_waits(self):
        _, arguments, errors = self.run_qemu(GDB="1")
        self.assertIn("-S", arguments)
        self.assertIn("target remote", errors)

    def test_one_line_for_each_mistake(self):
        for variables, text in (({"CPU": "z80"}, "CPU=z80"), ({"SMP": "0"}, "SMP=0"),
                                ({"NET": "user"}, "NET=user: not there yet"),
                                ({"MODEL": "x"}, "MODEL is set"), ({"ICOUNT": "yes"}, "ICOUNT")):
            status, out, errors = self.run_qemu(**variables)
            self.assertEqual((status, out, len(errors.splitlines())), (1, [], 1), variables)
            self.assertIn(text, errors)

    def test_names_a_missing_kernel(self):
        self.kernel.unlink()
        status, _, errors = self.run_qemu()
        self.assertEqual(status, 1)
        self.assertIn("exo.Image: no such file", errors)

    def test_exit_status_is_the_machines(self):
        self.assertEqual(self.run_qemu(STATUS="7")[0], 7)

    def test_works_with_stdin_closed(self):
        done = subprocess.run(["sh", "-c", f"exec {RUN_QEMU} --kernel {self.kernel} <&-"],
                              capture_output=True, text=True, env=self.environment(), check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def start(self, *command):
        """A process that runs run-qemu, and the emulator's process id."""
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   env=self.environment(WAIT="1"), text=True)
        self.addCleanup(process.stdout.close)
        return process, int(process.stdout.readline())

    def wait_until_gone(self, process, pid):
        # Its end closes the pipe; reading waits for exactly that.
        process.stdout.read()
        process.wait()
        for _ in range(1000):
            if gone(pid):
                return
            os.sched_yield()
        self.fail(f"the emulator {pid} is still there")

    def test_the_machine_ends_with_a_signal(self):
        for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            process, pid = self.start(RUN_QEMU, "--kernel", self.kernel)
            process.send_signal(signum)
            self.wait_until_gone(process, pid)
            self.assertEqual(process.returncode, 128 + signum)
            self.assertEqual(list((self.folder / "tmp").iterdir()), [])

    def test_the_machine_ends_with_a_killed_wrapper(self):
        process, pid = self.start(RUN_QEMU, "--kernel", self.kernel)
        process.kill()
        self.wait_until_gone(process, pid)

    def test_the_machine_ends_with_a_killed_parent(self):
        process, pid = self.start("sh", "-c", f"{RUN_QEMU} --kernel {self.kernel}; :")
        process.kill()
        self.wait_until_gone(process, pid)
