"""What measures llmd: the load generator, the responder that it is compared with, times of phases."""
import subprocess
import types
import unittest

from harness import serving_bench
from harness.host import ROOT, make
from harness.serving import Machine

HTTPLOAD = ROOT / "out" / "host" / "httpload"


class OverTap(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        status, output = make("out/host/httpload", "out/store.img",
                              "out/clang-release/services-private.img",
                              "out/clang-release/bench/http_ring.img")
        if status:
            raise RuntimeError(output)

    def machine(self, image, ready, **variables):
        try:
            server = Machine(image, ready=ready, NET="tap", **variables)
        except RuntimeError as error:
            if "does not permit" in str(error):
                self.skipTest(str(error).strip().splitlines()[-1])
            raise
        self.addCleanup(server.stop)
        return server

    def load(self, server, *, path="/health", connections=8, requests=500):
        return subprocess.run([HTTPLOAD, str(server.process.pid), "10.0.2.15", "80", path,
                               str(connections), str(requests)], capture_output=True, text=True,
                              check=False, timeout=60)

    def test_all_answers_of_llmd_are_counted(self):
        server = self.machine(serving_bench.IMAGE, "llmd: serving at",
                              STORE=str(ROOT / "out/store.img"), CMDLINE=serving_bench.TAP_WORDS)
        done = self.load(server)
        self.assertRegex(done.stdout, r"^httpload: [1-9]\d* req/s, median [\d.]+ us, 99th ")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        done = self.load(server, path="/nothing")
        self.assertEqual(done.returncode, 1)
        self.assertIn("no answer that we know: HTTP/1.1 404", done.stderr)

    def test_ring_level_responder_answers(self):
        done = self.load(self.machine(serving_bench.RING, "http_ring: ready"))
        self.assertEqual((done.returncode, done.stderr), (0, ""))


class Phases(unittest.TestCase):
    def test_each_ends_with_its_line(self):
        machine = types.SimpleNamespace(times=[0.1, 0.2, 0.4, 0.5, 0.7, 1.0, 1.1], lines=[
            "run-qemu: ...", "exo: CPUs online: 4", "llmd: trusts development",
            "llmd: bundle default/2: rejected: model.bin", "llmd: bundle default/1: opened: signed",
            "llmd: chosen in 2.0 ms", "llmd: serving at http://10.0.2.15:80/"])
        found = {name: round(seconds, 3) for name, seconds in serving_bench.phases(machine)}
        self.assertEqual(found, {"emulator_and_kernel": 0.2, "init": 0.2, "verification": 0.3,
                                 "model_and_kernels": 0.3, "network": 0.1})
