"""That what emulated CPUs remember of mappings is emptied while the first steps are taken, as it has to be
in order to grow (services/llmd/translations.h): QEMU counts how often. How large it is then it tells
nobody."""
import pathlib
import re
import tempfile
import unittest

from harness.host import ROOT, make
from harness.qmp import Monitor
from harness.serving import OUT, Machine


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
        for tokens in (24, 24, 24):
            server.complete(query=f"?n={tokens}")
            counts.append(self.counts(server))
        forgotten, emptied = zip(*counts)
        self.assertGreater(forgotten[1], forgotten[0])          # after each of the first steps, ...
        self.assertEqual(forgotten[1], forgotten[3])            # ... and then once in 256
        self.assertGreaterEqual(emptied[1] - emptied[0], forgotten[1] - forgotten[0])
        self.assertLess(emptied[3] - emptied[2], forgotten[1] - forgotten[0])

    def counts(self, server):
        """How often llmd did, and QEMU."""
        text = self.monitor.ask("human-monitor-command", {"command-line": "info jit"})
        return (server.metric("llmd_translations_forgotten_total"),
                int(re.search(r"TLB partial flushes (\d+)", text)[1]))
