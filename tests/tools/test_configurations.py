"""llmd with each libOS configuration: that it serves, what it copies, and what it is linked with."""
import contextlib
import re
import subprocess
import tempfile
import unittest

import test_llmd
from harness.host import ROOT, clean_environment, make
from harness.serving import (ANSWERS, MODELS, NO_MODELS, OUT, TOOLS, Machine, Server, connect,
                             image_with)

CONFIGURATIONS = ("private", "shared", "sockets", "posix")
# What is true of every llmd (test_llmd.py), as far as the way to the network matters.
CORE = ("test_answer_is_the_reference_text", "test_refusals", "test_connection_is_kept",
        "test_too_many_are_told_to_come_again", "test_who_goes_away_is_not_answered_on")
# Routines that copy bytes of what is received or sent, by configuration.
COPIES = {"private": set(), "shared": {"port"},
          "sockets": {"port", "socket_receive", "socket_send"},
          "posix": {"port", "socket_receive", "socket_send"}}


def program(configuration):
    return "llmd" if configuration == "private" else f"llmd-{configuration}"


def setUpModule():
    status, output = make(str((OUT / "exo.Image").relative_to(ROOT)),
                          *(str((OUT / "bin" / f"{program(name)}.elf").relative_to(ROOT))
                            for name in CONFIGURATIONS))
    if status:
        raise RuntimeError(output)


class Rested:
    """Tests that begin when nobody is answered: whom the one before has left was noticed."""
    server = None

    def setUp(self):
        self.server.until(lambda seen: seen["llmd_running"] + seen["llmd_queue_length"] == 0,
                          "the answers of the test before do not end")


class Serves(Rested):
    """One configuration on one machine."""
    configuration, smp = None, None
    queued_max = 8
    reference = test_llmd.Properties.reference

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()  # pylint: disable=consider-using-with
        cls.addClassCleanup(cls.folder.cleanup)
        image = image_with(cls.folder.name, MODELS / "stories260K.bin", MODELS / "tok512.bin",
                           program(cls.configuration))
        cls.server = Machine(image, SMP=cls.smp,
                             CMDLINE=f"llmd.answers={ANSWERS} llmd.queue={cls.queued_max}")

    @classmethod
    def tearDownClass(cls):
        cls.server.end()

    def test_says_what_it_copied(self):
        before = self.server.copied_bytes()     # and these are sent
        self.server.complete(b"x" * 3000, "?n=1")
        after = self.server.copied_bytes()
        self.assertEqual({routine for routine in after if after[routine] - before[routine] >= 3000},
                         COPIES[self.configuration])

    def test_who_sends_and_does_not_read_keeps_nobody_out(self):
        senders = [connect(self.server.port) for _ in range(10)]
        for sender in senders:
            sender.setblocking(False)
            sender.send(b"POST /completion?n=400 HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx")
        for _ in range(20):     # more than there are buffers in the NIC
            for sender in senders:
                with contextlib.suppress(OSError):
                    sender.send(b"GET /health HTTP/1.1\r\nHost: h\r\n\r\n" * 60)
            self.assertEqual(self.server.request("GET", "/health")[0].status, 200)
        for sender in senders:
            sender.close()


class HostedPosix(Rested, test_llmd.Properties, unittest.TestCase):
    """The source of the configuration `posix`, on the host."""
    @classmethod
    @unittest.skipUnless(MODELS.is_dir(), NO_MODELS)
    def setUpClass(cls):
        status, output = make("out/host/llmd-posix")
        if status:
            raise RuntimeError(output)
        cls.server = Server(MODELS / "stories260K.bin", MODELS / "tok512.bin",
                            program=ROOT / "out" / "host" / "llmd-posix")


for name in CORE:
    setattr(Serves, name, getattr(test_llmd.Properties, name))
for name in CONFIGURATIONS[1:]:     # test_llmd.py is about private
    for cpus in ("1", "4"):
        title = f"{name.capitalize()}OnMachineOf{cpus}"
        globals()[title] = unittest.skipUnless(MODELS.is_dir(), NO_MODELS)(
            type(title, (Serves, unittest.TestCase), {"configuration": name, "smp": cpus}))


def linked(configuration):
    """Archives that something in the program is from."""
    text = (OUT / "bin" / f"{program(configuration)}.map").read_text(encoding="utf-8")
    return {name for name in re.findall(r"([a-z-]+)\.a\(", text) if name != "libc"}


class LinkMap(unittest.TestCase):
    def test_only_what_is_named_is_linked(self):
        for configuration in CONFIGURATIONS:
            with self.subTest(configuration):
                file = ROOT / "services" / "llmd" / f"{configuration}.libos"
                named = subprocess.run([TOOLS / "libos", "archives", file], capture_output=True,
                                       text=True, check=True).stdout.split()
                self.assertLessEqual(linked(configuration), {*named, "rt", "libgcc", "libm"})

    def test_each_is_one_change_from_the_one_before(self):
        changes = {
            ("private", "shared"): ({"net-port"}, {"net-own"}),
            ("shared", "sockets"): ({"sockets", "posix", "vfs", "net-sockets", "lwip-sockets"},
                                    {"single", "net", "lwip"}),
            ("sockets", "posix"): ({"sched-preemptive"}, {"sched-cooperative"})}
        for (before, after), (more, less) in changes.items():
            with self.subTest(after):
                self.assertEqual(linked(after) - linked(before), more)
                self.assertEqual(linked(before) - linked(after), less)


class Choice(unittest.TestCase):
    def test_a_configuration_that_is_not_there_is_refused_with_those_that_are(self):
        status, output = make("-n", "run", "CONFIG=zero-copy")
        self.assertNotEqual(status, 0)
        self.assertIn("CONFIG=zero-copy: no such configuration of llmd, only "
                      + " ".join(CONFIGURATIONS), output)

    @unittest.skipUnless(MODELS.is_dir(), NO_MODELS)
    def test_a_port_that_is_none_is_named(self):
        with tempfile.TemporaryDirectory() as folder:
            image = image_with(folder, MODELS / "stories260K.bin", MODELS / "tok512.bin",
                               "llmd-shared")
            for words in ("net.port=6 net.mac=52:54:00:00:00:01", "net.port=0",
                          "net.port=0 net.mac=52:54:00:00:00:1", "net.port=0 net.mac=52:54:00:00:00:0x",
                          "net.port=0 net.mac=52:54:00:00:00:01:02"):
                with self.subTest(words):
                    done = subprocess.run(
                        [TOOLS / "run-qemu", "--kernel", OUT / "exo.Image", "--initrd", image],
                        env=clean_environment(NET="user", CMDLINE=words), text=True,
                        stdin=subprocess.DEVNULL, capture_output=True, check=False)
                    self.assertEqual(done.returncode, 2)
                    self.assertRegex(done.stdout, "llmd: network: net.port, net.mac: ")


if __name__ == "__main__":
    unittest.main()
