"""build/setup.sh: silent when nothing is missing, exact when something is."""
import pathlib
import subprocess
import tempfile
import unittest

SETUP = pathlib.Path(__file__).resolve().parents[2] / "build" / "setup.sh"
TOOLS = ["clang-19", "ld.lld-19", "llvm-nm-19", "python3", "qemu-system-aarch64", "xz"]


class Setup(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.bin = pathlib.Path(folder.name) / "bin"
        self.bin.mkdir()
        for tool in ("env", "sort", "tr", "cat"):
            (self.bin / tool).symlink_to(pathlib.Path("/usr/bin") / tool)
        for tool in TOOLS:
            self.stub(tool, "exit 1")
        self.stub("apt-get", f'echo "$@" >> {folder.name}/calls')
        self.calls = pathlib.Path(folder.name) / "calls"

    def stub(self, name, line):
        (self.bin / name).write_text(f"#!/bin/sh\n{line}\n")
        (self.bin / name).chmod(0o755)

    def setup_for(self, job, user):
        self.stub("id", f"echo {user}")
        done = subprocess.run(["/bin/sh", SETUP, job], env={"PATH": str(self.bin)},
                              capture_output=True, text=True, check=False)
        calls = self.calls.read_text().splitlines() if self.calls.exists() else []
        return done.returncode, done.stdout + done.stderr, calls

    def test_calls_no_package_manager_when_all_is_there(self):
        self.assertEqual(self.setup_for("run", 0), (0, "", []))

    def test_root_updates_and_installs_what_is_missing(self):
        (self.bin / "clang-19").unlink()
        (self.bin / "qemu-system-aarch64").unlink()
        status, _, calls = self.setup_for("run", 0)
        self.assertEqual(status, 0)
        self.assertTrue(calls[0].endswith("update"), calls)
        self.assertTrue(calls[1].endswith(
            "install -y --no-install-recommends clang-19 qemu-system-arm"), calls)

    def test_others_are_told_what_is_missing(self):
        (self.bin / "ld.lld-19").unlink()
        status, output, calls = self.setup_for("run", 1000)
        self.assertEqual((status, calls), (1, []))
        self.assertIn("setup: missing packages: lld-19", output)

    def test_others_use_sudo_when_it_asks_nothing(self):
        (self.bin / "ld.lld-19").unlink()
        self.stub("sudo", 'shift; exec "$@"')
        self.stub("true", "exit 0")
        status, _, calls = self.setup_for("run", 1000)
        self.assertEqual((status, len(calls)), (0, 2))

    def test_an_unknown_job_is_refused(self):
        self.assertEqual(self.setup_for("walk", 0)[0], 2)
