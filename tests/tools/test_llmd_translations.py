"""That what emulated CPUs remember of mappings is emptied now and then, as it has to be in order to grow
(services/llmd/translations.h): QEMU counts how often. How large it is then it tells nobody."""
import pathlib
import re
import tempfile
import unittest

from harness.host import ROOT, make
from harness.qmp import Monitor
from harness.serving import OUT, Machine

FIRST_STEPS = 16            # of services/llmd/translations.c
ANSWERS, TOKENS = 16, 24    # more than 256 steps


class Translations(unittest.TestCase):
    def test_forgetting_empties_those_of_the_emulator(self):
        status, output = make("out/clang-release/exo.Image", "out/clang-release/llmd.img", "store")
        self.assertEqual(status, 0, output)
        folder = self.enterContext(tempfile.TemporaryDirectory())
        path = pathlib.Path(folder) / "qmp"
        server = Machine(OUT / "llmd.img", STORE=str(ROOT / "out" / "store.img"), QMP=str(path))
        self.addCleanup(server.stop)
        self.monitor = Monitor(path)
        self.monitor.connect()
        counts = [self.counts(server)]
        for _ in range(ANSWERS):
            server.complete(query=f"?n={TOKENS}")
            counts.append(self.counts(server))
        grown = [(after[0] - before[0], after[1] - before[1])
                 for before, after in zip(counts, counts[1:])]
        self.assertGreaterEqual(counts[-1][0], FIRST_STEPS + 1)     # each of those, and one in 256
        self.assertTrue(any(forgotten for forgotten, _ in grown))
        for forgotten, emptied in grown:
            self.assertGreaterEqual(emptied, forgotten)
        self.assertIn((0, 0), grown)                                # nobody else does, or not always

    def counts(self, server):
        """How often llmd did, and QEMU."""
        text = self.monitor.ask("human-monitor-command", {"command-line": "info jit"})
        return (server.metric("llmd_translations_forgotten_total"),
                int(re.search(r"TLB partial flushes (\d+)", text)[1]))
