"""mksyms: functions in order of address, as offsets from the kernel's first byte."""
import pathlib
import subprocess
import tempfile
import unittest

MKSYMS = pathlib.Path(__file__).resolve().parents[2] / "build" / "tools" / "mksyms"
LISTING = """0000000000000000 a ABSOLUTE
ffff000040000000 T _exo_start
ffff000040000000 t $x
ffff000040000010 t helper
ffff000040000020 T kmain
ffff000040001000 D data
"""


class Mksyms(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.output = self.folder / "symbols.S"

    def mksyms(self, *arguments, listing=LISTING):
        (self.folder / "listing").write_text(listing)
        nm = self.folder / "nm"
        nm.write_text(f"#!/bin/sh\ncat {self.folder}/listing\n")
        nm.chmod(0o755)
        done = subprocess.run([MKSYMS, "--nm", nm, *arguments], capture_output=True, text=True,
                              check=False)
        return done.returncode, done.stderr

    def test_table(self):
        self.assertEqual(self.mksyms("-o", self.output, "exo.elf"), (0, ""))
        words = [line.split(None, 1) for line in self.output.read_text().splitlines()]
        self.assertEqual([w[1] for w in words if w[0] == ".4byte"],
                         ["3", "0x0", "0x10", "0x20", "0", "11", "18"])
        self.assertEqual([w[1] for w in words if w[0] == ".asciz"],
                         ['"_exo_start"', '"helper"', '"kmain"'])

    def test_empty_table(self):
        self.assertEqual(self.mksyms("--empty", "-o", self.output)[0], 0)
        self.assertIn(".4byte 0\n", self.output.read_text())

    def test_notices_functions_that_moved(self):
        self.mksyms("-o", self.output, "exo.elf")
        self.assertEqual(self.mksyms("--check", self.output, "exo.elf"), (0, ""))
        status, errors = self.mksyms("--check", self.output, "exo.elf",
                                     listing=LISTING.replace("0020 T", "0024 T"))
        self.assertEqual(status, 1)
        self.assertIn("moved", errors)

    def test_needs_the_base_symbol(self):
        status, errors = self.mksyms("-o", self.output, "exo.elf", listing="")
        self.assertEqual(status, 1)
        self.assertIn("no symbol _exo_start", errors)
