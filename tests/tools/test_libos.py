"""libOS configurations: what build/tools/libos reads, and that nothing else is linked."""
import pathlib
import re
import subprocess
import tempfile
import unittest

from harness.host import ROOT, make

TOOL = ROOT / "build/tools/libos"
OUT = ROOT / "out/clang-release"
ARCHIVE = re.compile(r"libos/([a-z-]+)\.a\(")


class Configuration(unittest.TestCase):
    def run_tool(self, what, text):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "a.libos"
            path.write_text(text, encoding="ascii")
            done = subprocess.run([TOOL, what, path], capture_output=True, text=True, check=False)
            return done.returncode, done.stdout, done.stderr.replace(folder + "/", "")

    def refuses(self, text, message):
        status, _, error = self.run_tool("archives", text)
        self.assertNotEqual(status, 0)
        self.assertEqual(error.strip(), f"libos: a.libos{message}")

    def test_names_archives_of_parts_and_variants(self):
        for variant in ("cooperative", "preemptive"):
            status, names, _ = self.run_tool("archives", f"parts = sched\nsched = {variant}\n")
            self.assertEqual((status, names.split()), (0, ["sched", f"sched-{variant}"]))

    def test_first_variant_is_the_default(self):
        self.assertIn("sched-cooperative", self.run_tool("archives", "parts = sched # only\n")[1])

    def test_start_has_the_parameters(self):
        code = self.run_tool("start", "parts = sched\nvcpus = 3\nstack_bytes = 8192\n")[1]
        self.assertIn(".vcpus = 3", code)
        self.assertIn(".stack_bytes = 8192", code)

    def test_refuses_what_it_does_not_know(self):
        self.refuses("vcpus = 2\n", ": no `parts = ...`")
        self.refuses("parts = sched\nvcpu = 2\n",
                     ":2: vcpu: no such key, or its part is not in parts")
        self.refuses("parts = sched\n\nheap_bytes = 2\n",
                     ":3: heap_bytes: no such key, or its part is not in parts")
        self.refuses("parts = sched\nvcpus = 9\n", ":2: vcpus: must be a number from 0 to 8")
        self.refuses("parts = sched\nvcpus = -1\n", ":2: vcpus: must be a number from 0 to 8")
        self.refuses("parts = sched\nsched = fair\n",
                     ":2: sched: must be cooperative or preemptive")
        self.refuses("parts = sched\nparts = vm\n", ":2: parts is there twice")
        self.refuses("parts sched\n", ":1: not `key = value`")
        self.refuses("parts = vm\n", ":1: parts: vm needs sched")
        self.assertIn("no part disk", self.run_tool("archives", "parts = disk\n")[2])


    def test_sizes_are_by_part_of_code_and_zeros(self):
        text = """\
          400000           400000       10     1         out/libos/rt.a(entry.S.o):(.text._start)
          400010           400010      400     4         out/libos/rt.a(boot.c.o):(.rodata.str)
          400410           400410      800     4         out/obj/services/a.c.o:(.bss.buffer)
               0                0     9999     1         out/obj/services/a.c.o:(.debug_info)
"""
        status, table, _ = self.run_tool("sizes", text)
        self.assertEqual((status, table), (0, """\
| KiB of code and data + zeros | a |
| --- | ---: |
| rt | 1.0 + 0.0 |
| the program | 0.0 + 2.0 |
| all | 1.0 + 2.0 |
"""))


class LinkMap(unittest.TestCase):
    """The link map of each guest test with a configuration names no archive beyond those."""

    def test_only_what_is_named_is_linked(self):
        files = sorted((ROOT / "tests/guest").glob("*.libos"))
        self.assertTrue(files)
        for file in files:
            target = OUT / "guest" / f"{file.stem}.elf"
            status, output = make("TOOLCHAIN=clang", "BUILD=release",
                                  str(target.relative_to(ROOT)))
            self.assertEqual(status, 0, output)
            named = subprocess.run([TOOL, "archives", file], capture_output=True, text=True,
                                   check=True).stdout.split()
            linked = set(ARCHIVE.findall(target.with_suffix(".map").read_text(encoding="utf-8")))
            self.assertLessEqual(linked, {*named, "rt"}, file.name)
            self.assertTrue(linked - {"rt"}, file.name)
            uses_c_library = "newlib" in file.read_text(encoding="ascii")
            self.assertEqual("libc.a(" in target.with_suffix(".map").read_text(), uses_c_library)


if __name__ == "__main__":
    unittest.main()
