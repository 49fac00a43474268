"""run-qemu: its variables, its errors, and that no emulator outlives it."""
import json
import os
import pathlib
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

RUN_QEMU = pathlib.Path(__file__).resolve().parents[2] / "build" / "tools" / "run-qemu"
sys.path.insert(0, str(RUN_QEMU.parent))
import devices  # pylint: disable=wrong-import-position
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
        self.assertEqual(self.value(arguments, "-append"), "exo.test=1")
        for absent in ("-icount", "-S", "-initrd", "-device", "-mon"):
            self.assertNotIn(absent, arguments)

    def test_memory_that_cannot_hold_the_boot_image_is_refused(self):
        image = self.folder / "some.img"
        image.write_bytes(b"x" * (3 << 20))
        for memory, status in (("6M", 1), ("7M", 0), ("1G", 0)):
            done = subprocess.run([RUN_QEMU, "--kernel", self.kernel, "--initrd", image], text=True,
                                  capture_output=True, stdin=subprocess.DEVNULL, check=False,
                                  env=self.environment(MEM=memory))
            self.assertEqual(done.returncode, status)
            self.assertEqual(f"MEM={memory}: too little memory" in done.stderr, status == 1)

    def test_variables(self):
        _, arguments, _ = self.run_qemu(SMP="1", MEM="1G", CPU="cortex-a72", EL2="1", ICOUNT="1",
                                        CMDLINE="a=1 b=2")
        self.assertEqual(self.value(arguments, "-M"), "virt,gic-version=3,virtualization=on")
        self.assertEqual(self.value(arguments, "-cpu"), "cortex-a72")
        self.assertEqual(self.value(arguments, "-smp"), "1")
        self.assertEqual(self.value(arguments, "-m"), "1G")
        self.assertEqual(self.value(arguments, "-icount"), "shift=0,sleep=off")
        self.assertEqual(self.value(arguments, "-append"), "a=1 b=2 exo.test=1")
        self.assertEqual(self.value(arguments, "-semihosting-config"), "enable=on,target=gdb")

    def test_time_leaps_only_where_nothing_outside_is_waited_for(self):
        disk = self.folder / "disk"
        disk.write_bytes(bytes(512))
        for outside, sleep in (({}, "off"), ({"NET": "none"}, "off"), ({"NET": "user"}, "on"),
                               ({"DATA": str(disk)}, "on"), ({"STORE": str(disk)}, "on")):
            _, arguments, _ = self.run_qemu(ICOUNT="1", **outside)
            self.assertEqual(self.value(arguments, "-icount"), f"shift=0,sleep={sleep}")

    def test_port_in_use_is_named(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            status, _, errors = self.run_qemu(NET="user", HTTP_PORT=str(port))
        self.assertEqual(status, 1)
        self.assertRegex(errors, f"HTTP_PORT={port}: nobody can listen at 127.0.0.1:{port}: "
                                 "Address already in use; HTTP_PORT= chooses another port")

    def port(self):
        """One that is free for QEMU, and nobody else is given."""
        kept = self.enterContext(socket.socket())
        kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        kept.bind(("127.0.0.1", 0))
        return str(kept.getsockname()[1])

    def test_a_free_port_stays_free_for_qemu_and_nobody_else_is_given_it(self):
        process = subprocess.Popen([RUN_QEMU, "--kernel", self.kernel], stdin=subprocess.DEVNULL,
                                   env=self.environment(NET="user", WAIT="1"),
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        with process.stdout, process.stderr:
            port = int(process.stderr.readline().split()[1].rsplit(":", 1)[1])
            self.assertTrue(process.stdout.readline())      # QEMU runs
            with socket.socket() as other, self.assertRaises(OSError):
                other.bind(("127.0.0.1", port))
            with socket.socket() as as_qemu:
                as_qemu.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                as_qemu.bind(("127.0.0.1", port))
                as_qemu.listen()
                socket.create_connection(("127.0.0.1", port)).close()
            process.terminate()
            process.wait()

    def test_ports_differ(self):
        port = self.port()
        status, _, errors = self.run_qemu(NET="user", HTTP_PORT=port, SSH_PORT=port)
        self.assertEqual(status, 1)
        self.assertIn(f"SSH_PORT={port}: must be at most 65535, and not another port's", errors)

    def test_store_that_fails(self):
        store = self.folder / "store"
        store.write_bytes(bytes(512))
        _, arguments, _ = self.run_qemu(STORE=str(store), STORE_FAULT="once@7")
        node = json.loads(self.value(arguments, "-blockdev"))["file"]
        self.assertEqual(node["driver"], "blkdebug")
        self.assertEqual((node["inject-error"][0]["sector"], node["inject-error"][0]["once"]),
                         (7, True))
        self.assertEqual(self.run_qemu(STORE_FAULT="once@7")[0], 1)
        self.assertEqual(self.run_qemu(STORE=str(store), STORE_FAULT="often")[0], 1)

    def test_gdb_waits(self):
        _, arguments, errors = self.run_qemu(GDB="1")
        self.assertIn("-S", arguments)
        self.assertIn("target remote", errors)

    def test_one_line_for_each_mistake(self):
        for variables, text in (({"CPU": "z80"}, "CPU=z80: must be max or cortex-a72"),
                                ({"SMP": "0"}, "SMP=0: must be a number of CPUs from 1 to 8"),
                                ({"SMP": "9"}, "SMP=9"), ({"SMP": "12"}, "SMP=12"),
                                ({"NET": "bridge"}, "NET=bridge: must be none, user or tap"),
                                ({"HTTP_PORT": "80"}, "only NET=user forwards"),
                                ({"NET": "tap", "SSH_PORT": "22"}, "only NET=user forwards"),
                                ({"NET": "user", "HTTP_PORT": "65536"}, "at most 65535"),
                                ({"DATA": "nowhere.img"}, "DATA=nowhere.img: no such file"),
                                ({"DATA": str(RUN_QEMU)}, "multiple of 512"),
                                ({"DEVICES": "rng,floppy"}, "DEVICES: floppy: must be"),
                                ({"DEVICES": "blk:0M"}, "DEVICES: blk:0M"),
                                ({"DEVICES": ",".join(["rng"] * 32)}, "there are 31 slots"),
                                ({"DEVICES": "net:tap,net:tap"}, "one NIC on a tap"),
                                ({"STORE": "nowhere.img"}, "STORE=nowhere.img: no such file"),
                                ({"SSH_KEY": "my key"}, "SSH_KEY=my key: nothing uses it yet"),
                                ({"DATA": "no where.img"}, "DATA=no where.img: no such file"),
                                ({"NET": "user", "DATA": "nowhere.img"}, "DATA=nowhere.img: no such file"),
                                ({"NET": "user", "APP": "a b"}, "APP=a b: must be a service's name"),
                                ({"NET": "user", "CMDLINE": "x" * 1100}, "command line has 1111 bytes"),
                                ({"PROMPT": "a" * 1100}, "longest word has 1111: llm.prompt=aaa"),
                                ({"MEM": "much"}, "MEM=much: must be a number of MiB"),
                                ({"NET": "user", "HTTP_PORT": "http"}, "HTTP_PORT=http: must be a port"),
                                ({"MEM": "1000000G"}, "MEM=1000000G: too much memory: this host has "),
                                ({"GDB": "x"}, "GDB=x: must be 0, 1, or the path of a socket"),
                                ({"GDB": "/no/where/gdb"}, "GDB=/no/where/gdb: must be"),
                                ({"GDB": "1", "TOKENS": "many"}, "TOKENS=many"),
                                ({"ICOUNT": "yes"}, "ICOUNT")):
            status, out, errors = self.run_qemu(**variables)
            self.assertEqual((status, out, len(errors.splitlines())), (1, [], 1), variables)
            self.assertIn(text, errors)

    def devices(self, **variables):
        """(QEMU's -device options, its other arguments, what run-qemu says)."""
        status, arguments, errors = self.run_qemu(**variables)
        self.assertEqual(status, 0, errors)
        places = [i for i, argument in enumerate(arguments) if argument == "-device"]
        return [arguments[i + 1] for i in places], arguments, errors

    def test_devices_have_fixed_places(self):
        found, arguments, _ = self.devices(DEVICES="rng,blk:1M:ro,net:hub@port,net,balloon")
        self.assertEqual(found, [
            "virtio-rng-pci,id=rng0,disable-legacy=on,bus=pcie.0,addr=0x1",
            "virtio-blk-pci,drive=blk0-disk,num-queues=8,id=blk0,disable-legacy=on,"
            "bus=pcie.0,addr=0x2",
            "pcie-root-port,id=net0-port,chassis=3,bus=pcie.0,addr=0x3",
            "virtio-net-pci,netdev=net0-host,romfile=,mac=52:54:00:00:00:01,id=net0,"
            "disable-legacy=on,bus=net0-port,addr=0x0",
            "virtio-net-pci,netdev=net1-host,romfile=,mac=52:54:00:00:00:02,id=net1,"
            "disable-legacy=on,bus=pcie.0,addr=0x4",
            "virtio-balloon-pci,id=balloon0,disable-legacy=on,bus=pcie.0,addr=0x5"])
        self.assertIn("hubport,hubid=0,id=net0-host", arguments)
        self.assertIn("user,restrict=on,id=net1-host", arguments)
        self.assertTrue(json.loads(self.value(arguments, "-blockdev"))["read-only"])

    def test_forwarded_ports(self):
        port = self.port()
        _, arguments, errors = self.devices(NET="user", HTTP_PORT=port)
        forwards = self.value(arguments, "-netdev")
        self.assertRegex(forwards, rf"^user,hostfwd=tcp:127\.0\.0\.1:{port}-:80,"
                                   r"hostfwd=tcp:127\.0\.0\.1:[0-9]+-:22,id=net0-host$")
        self.assertIn(f"127.0.0.1:{port} is the guest's port 80", errors)

    def test_data_is_the_first_disk(self):
        data = self.folder / "a, b.img"
        data.write_bytes(bytes(1024))
        found, arguments, _ = self.devices(NET="user", DATA=str(data), DEVICES="blk:1M")
        self.assertEqual([each.split(",bus=")[1] for each in found],
                         ["pcie.0,addr=0x1", "pcie.0,addr=0x2", "pcie.0,addr=0x3"])
        disk = json.loads(self.value(arguments, "-blockdev"))
        self.assertEqual((disk["node-name"], disk["file"]["filename"], disk["cache"]["no-flush"]),
                         ("blk0-disk", str(data), False))

    def test_store_is_behind_the_data_and_only_read(self):
        files = [self.folder / "data", self.folder / "store"]
        for file in files:
            file.write_bytes(bytes(1024))
        _, arguments, _ = self.devices(DATA=str(files[0]), STORE=str(files[1]))
        disks = [json.loads(arguments[i + 1])
                 for i, argument in enumerate(arguments) if argument == "-blockdev"]
        self.assertEqual([(disk["file"]["filename"], disk["read-only"]) for disk in disks],
                         [(str(files[0]), False), (str(files[1]), True)])

    def test_a_disk_says_where_each_word_is(self):
        path = self.folder / "disk"
        devices.make_disk(path, 1 << 20, 2)
        words = struct.unpack("<131072Q", path.read_bytes())
        self.assertEqual(words, tuple((2 << 56) + 8 * i for i in range(1 << 17)))

    def test_a_slow_disk(self):
        _, arguments, _ = self.devices(DEVICES="blk:1M:iops=10")
        self.assertEqual(self.value(arguments, "-object"),
                         "throttle-group,id=blk0-limit,x-iops-total=10")
        self.assertEqual(json.loads(self.value(arguments, "-blockdev"))["driver"], "throttle")

    def test_a_tap_is_there_or_not_permitted(self):
        status, arguments, errors = self.run_qemu(DEVICES="net:tap")
        if status == devices.NOT_PERMITTED:
            self.assertIn("run-qemu: tap: this host does not permit", errors)
        else:
            self.assertRegex(self.value(arguments, "-netdev"), r"^tap,fd=[0-9]+,id=net0-host$")

    def test_a_tap_is_in_a_namespace_of_its_own(self):
        before = os.listdir("/sys/class/net")
        process = subprocess.Popen([RUN_QEMU, "--kernel", self.kernel], stdin=subprocess.DEVNULL,
                                   env=self.environment(DEVICES="net:tap", WAIT="1"),
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        with process.stdout, process.stderr:
            if not process.stdout.readline():
                self.assertEqual(process.wait(), devices.NOT_PERMITTED)
                self.skipTest(process.stderr.read().strip())
            self.assertNotEqual(os.readlink(f"/proc/{process.pid}/ns/net"),
                                os.readlink("/proc/self/ns/net"))
            self.assertEqual(os.listdir("/sys/class/net"), before)
            process.terminate()
            process.wait()

    def test_a_tap_that_is_not_permitted_has_a_status_of_its_own(self):
        with mock.patch.object(devices, "enter_namespace", side_effect=PermissionError(1, "no")):
            with self.assertRaises(devices.Refused) as refused:
                devices.open_tap()
        self.assertEqual(refused.exception.status, devices.NOT_PERMITTED)

    def test_monitor(self):
        _, arguments, _ = self.run_qemu(QMP="/some/socket")
        self.assertIn("socket,id=qmp,path=/some/socket,server=on,wait=off", arguments)

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
        while not gone(pid):
            os.sched_yield()

    def test_the_machine_ends_with_a_signal(self):
        for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            process, pid = self.start(RUN_QEMU, "--kernel", self.kernel)
            process.send_signal(signum)
            self.wait_until_gone(process, pid)
            self.assertEqual(process.returncode, 128 + signum)
            self.assertEqual(list((self.folder / "tmp").iterdir()), [])

    def test_a_signal_during_preparation_leaves_nothing(self):
        process = subprocess.Popen([RUN_QEMU, "--kernel", self.kernel], stdin=subprocess.DEVNULL,
                                   env=self.environment(DEVICES="blk:999M", WAIT="1"),
                                   stdout=subprocess.DEVNULL)
        while not list((self.folder / "tmp").iterdir()) and process.poll() is None:
            os.sched_yield()
        process.terminate()
        self.assertEqual(process.wait(), 128 + signal.SIGTERM)
        self.assertEqual(list((self.folder / "tmp").iterdir()), [])

    def test_the_machine_ends_with_a_killed_wrapper(self):
        process, pid = self.start(RUN_QEMU, "--kernel", self.kernel)
        process.kill()
        self.wait_until_gone(process, pid)

    def test_the_machine_ends_with_a_killed_parent(self):
        process, pid = self.start("sh", "-c", f"{RUN_QEMU} --kernel {self.kernel}; :")
        process.kill()
        self.wait_until_gone(process, pid)
