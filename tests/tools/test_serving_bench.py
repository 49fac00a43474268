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
                              check=False)

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


class Answering:
    """Stands in for a machine: so many calls and tokens for each answer, and the measurements of workers
    (how many are over, whether one is under way) as its metrics have them in turn."""

    def __init__(self, calls, measurements):
        self.calls, self.measured, self.tokens = iter(calls), iter(measurements), 0

    def metrics(self):
        over, under_way = next(self.measured)
        return {"llmd_generated_tokens_total": self.tokens, "llmd_worker_measurements_total": over,
                "llmd_worker_measurement_under_way": under_way}

    def complete(self, _, query):
        self.tokens += int(query.partition("=")[2])

    def count(self, work):
        work()
        return next(self.calls)


class Calls(unittest.TestCase):
    def per_token(self, calls, measurements, streams=2):
        machine = Answering(calls, measurements)
        return serving_bench.calls_per_token(machine, machine.count, streams)

    def test_those_of_long_answers_less_those_of_short_ones(self):
        self.assertEqual(self.per_token([50, 230], [(3, 0)] * 3), (230 - 50) / (2 * 180))

    def test_a_round_in_which_workers_were_measured_is_done_again(self):
        for disturbed in ([(3, 0), (3, 0), (4, 0)],     # in the long answers
                          [(3, 0), (4, 0), (4, 0)],     # in the short ones
                          [(3, 0), (3, 0), (3, 1)],     # to the end and beyond
                          [(3, 1), (3, 1), (3, 1)]):    # from before
            with self.subTest(disturbed=disturbed):
                self.assertEqual(self.per_token([4750, 230, 50, 230], disturbed + [(4, 0)] * 3), 0.5)

    def test_who_is_always_disturbed_says_so(self):
        with self.assertRaisesRegex(serving_bench.Failed, "in each of 10 rounds"):
            self.per_token([1] * 20, [(i, 0) for i in range(30)])


class Phases(unittest.TestCase):
    def test_each_ends_with_its_line(self):
        machine = types.SimpleNamespace(times=[0.1, 0.2, 0.4, 0.5, 0.7, 1.0, 1.1], lines=[
            "run-qemu: ...", "exo: CPUs online: 4", "llmd: trusts development",
            "llmd: bundle default/2: rejected: model.bin", "llmd: bundle default/1: opened: signed",
            "llmd: chosen in 2.0 ms", "llmd: serving at http://10.0.2.15:80/"])
        found = {name: round(seconds, 3) for name, seconds in serving_bench.phases(machine)}
        self.assertEqual(found, {"emulator_and_kernel": 0.2, "init": 0.2, "verification": 0.3,
                                 "model_and_kernels": 0.3, "network": 0.1})
