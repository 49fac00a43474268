"""llmd in the machine when what it stands on fails: its disk, its network."""
import contextlib
import pathlib
import socket
import tempfile
import unittest

from harness.host import ROOT, make
from harness.patience import Patience
from harness.qmp import Monitor
from harness.serving import OUT, Machine, connect

STORE = ROOT / "out" / "store.img"
WEIGHTS = ROOT / "bundles" / "default" / "model.bin"
SECTOR = 512
EARLY_S = 30    # until a client's frame comes early enough: patience.py


def setUpModule():
    status, output = make("out/store.img", "out/clang-release/llmd.img")
    if status:
        raise RuntimeError(output)


def weights_of(generation):
    """The store's sector in the middle of that generation's weights. The second's are those of the
    first but for one bit, beyond what is looked for."""
    start, store = WEIGHTS.read_bytes(), STORE.read_bytes()
    found = [at for at in range(0, len(store), SECTOR) if store.startswith(start[:4096], at)]
    whole = [at for at in found if store.startswith(start, at)]
    at = whole[0] if generation == 1 else next(at for at in found if at not in whole)
    return (at + len(start) // 2) // SECTOR


class Disk(unittest.TestCase):
    def serve(self, fault):
        server = Machine(OUT / "llmd.img", STORE=str(STORE), STORE_FAULT=fault)
        self.addCleanup(server.stop)
        return server

    def test_read_that_fails_once_is_tried_again(self):
        server = self.serve(f"once@{weights_of(1)}")
        self.assertGreater(len(server.complete(query="?n=8")), 0)
        metrics = server.metrics()
        self.assertGreater(metrics["store_retries_total"], 0)
        self.assertEqual(metrics["store_errors_total"], 0)

    def test_generation_that_cannot_be_read_is_passed_over(self):
        server = self.serve(f"always@{weights_of(2)}")
        self.assertTrue(server.says("bundle default/2: rejected: model.bin: "))
        self.assertIn(b'"generation":1,', server.request("GET", "/health")[1])
        self.assertGreater(server.metric("store_errors_total"), 0)

    def test_no_generation_that_can_be_read_is_a_clear_end(self):
        with self.assertRaises(RuntimeError) as ended:
            self.serve(f"always@{weights_of(1)}")
        self.assertRegex(str(ended.exception), "default/1: rejected: model.bin: .*read")
        self.assertRegex(str(ended.exception), "llmd: .*no generation (of .*)?can be served")


class Early(unittest.TestCase):
    def test_client_that_connects_before_the_machine_has_its_address_is_answered(self):
        patience = Patience(EARLY_S)
        while not self.early():         # on a slow host it may have its address before
            self.assertFalse(patience.is_over(), "no client's frame was kept until there was one")

    def early(self):
        """Whether a frame of the first client, who is answered in any case, came before the address."""
        server = Machine(OUT / "llmd.img", ready=" is the guest's port 80", STORE=str(STORE))
        self.addCleanup(server.stop)
        connection = None
        while connection is None:       # QEMU listens, before it runs anything
            with contextlib.suppress(ConnectionRefusedError):
                connection = connect(server.port)
        with connection:
            connection.sendall(b"GET /health HTTP/1.1\r\nHost: h\r\n\r\n")
            self.assertEqual(connection.recv(12, socket.MSG_WAITALL), b"HTTP/1.1 200")
        found = server.metric("net_frames_early_total")
        server.stop()
        return found > 0


class Link(unittest.TestCase):
    def setUp(self):
        folder = self.enterContext(tempfile.TemporaryDirectory())
        path = pathlib.Path(folder) / "qmp"
        self.server = Machine(OUT / "llmd.img", STORE=str(STORE), QMP=str(path))
        self.addCleanup(self.server.stop)
        self.monitor = Monitor(path)
        self.addCleanup(self.monitor.close)

    def answers(self, seconds):
        """Whether somebody who has just come is answered within that time."""
        with contextlib.suppress(OSError):
            with socket.create_connection(("127.0.0.1", self.server.port), seconds) as connection:
                connection.sendall(b"GET /health HTTP/1.1\r\nHost: h\r\n\r\n")
                return connection.recv(1) == b"H"
        return False

    def test_link_goes_down_and_comes_back(self):
        connection = self.server.connection()
        self.addCleanup(connection.close)
        connection.request("POST", "/completion?n=200", b"Once")
        response = connection.getresponse()
        text = response.read(1)
        self.monitor.execute("set_link", name="net0", up=False)
        self.assertFalse(self.answers(0.5))
        self.monitor.execute("set_link", name="net0", up=True)
        seconds = 1
        while not self.answers(seconds):
            seconds *= 2
        text += response.read()                     # who was being answered is answered on
        self.assertEqual(text, self.server.complete(b"Once", "?n=200"))
