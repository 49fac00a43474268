"""llmd in machines with little memory: weights give way to answers, and where nothing helps the console
says how much would do."""
import concurrent.futures
import pathlib
import re
import subprocess
import tempfile
import unittest

from harness.host import ROOT, make
from harness.serving import OUT, Machine

STORE = ROOT / "out" / "store.img"
TOKENIZER = ROOT / "bundles" / "default" / "tokenizer.bin"
SHAPE = (512, 1024, 8, 8, 8, 2048, 2048, 1, 32)     # 24 MB in Q8_0; an answer takes 10 MB
FOLDER = "out/tests/memory"
AT_ONCE = 8


def build(*targets):
    status, output = make(*targets)
    if status:
        raise RuntimeError(output)


class Memory(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        build("out/clang-release/exo.Image", "out/clang-release/llmd.img", "out/host/make-model",
              "store")

    def serve(self, store, ready="llmd: serving at", **variables):
        server = Machine(OUT / "llmd.img", ready=ready, STORE=str(store), SMP="4", **variables)
        self.addCleanup(server.stop)
        return server

    def ask(self, server):
        response, body = server.request("POST", "/completion?n=8", b"Once upon a time")
        return response.status, body

    def test_packed_weights_give_way_to_answers(self):
        with tempfile.TemporaryDirectory() as folder:
            model = pathlib.Path(folder) / "model.bin"
            subprocess.run([ROOT / "out/host/make-model", model, *map(str, SHAPE)], check=True)
            build("store", f"MODEL={model}", f"TOKENIZER={TOKENIZER}", "VERIFY=on-fault",
                  f"STORE_FOLDER={FOLDER}")
        server = self.serve(ROOT / FOLDER / "store.img", MEM="96M",
                            CMDLINE="llmd.bundle=raw llmd.unsigned=1")
        expected = self.ask(server)
        self.assertEqual(expected[0], 200)
        before = server.metrics()
        self.assertEqual(before["llmd_packed_forgotten_total"], 0)
        self.assertEqual(before["llmd_packed_passing_total"], 0)
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            jobs = [pool.submit(self.ask, server) for _ in range(AT_ONCE)]
            self.assertEqual({job.result() for job in jobs}, {expected})
        self.assertEqual(self.ask(server), expected)
        after = server.metrics()
        # A part of them, an eighth at most, and its blocks pass through each further step.
        self.assertGreater(after["llmd_packed_forgotten_total"], 0)
        self.assertGreater(after["llmd_packed_passing_total"], 0)
        self.assertGreater(after["llmd_packed_bytes"], before["llmd_packed_bytes"] * 3 // 4)
        self.assertGreater(after["memory_frames_free"], 256)

    def test_too_little_memory_is_said_with_what_would_do(self):
        for memory in ("6M", "10M"):
            server = self.serve(STORE, ready="too little memory: the machine has", MEM=memory)
            line = next(line for line in server.lines if "too little memory: the machine" in line)
            enough = re.search(r"the machine has (\d+) MiB, of which \d+ are free; about (\d+) are "
                               r"needed \(MEM=(\d+M)\)$", line.strip())
            self.assertTrue(enough, line)
            self.assertLess(int(enough[1]), int(enough[2]))
            server.stop()
            server = self.serve(STORE, MEM=enough[3])
            self.assertEqual(self.ask(server)[0], 200)
            server.stop()
