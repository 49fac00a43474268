"""mkboot: the format, the same bytes every time, and a clear refusal of what cannot be mapped."""
import hashlib
import pathlib
import struct
import subprocess
import tempfile
import unittest

MKBOOT = pathlib.Path(__file__).resolve().parents[2] / "build" / "tools" / "mkboot"
READ, WRITE, EXEC = 4, 2, 1     # ELF's order of the bits, which is not the boot image's
PAGE = 4096


def elf(segments, entry=0x400000, machine=183, kind=2):
    """An ELF file with PT_LOAD segments (va, flags, bytes, mem_bytes)."""
    offset = 64 + 56 * len(segments)
    headers, payload = b"", b""
    for va, flags, data, mem_bytes in segments:
        headers += struct.pack("<IIQQQQQQ", 1, flags, offset + len(payload), va, va, len(data),
                               mem_bytes, PAGE)
        payload += data
    header = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", kind, machine, 1, entry, 64,
                         0, 0, 64, 56, len(segments), 0, 0, 0)
    return header + headers + payload


TEXT = (0x400000, READ | EXEC, b"code" * 10, 40)
DATA = (0x401000, READ | WRITE, b"data", 3 * PAGE)


class Mkboot(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def file(self, name, data):
        (self.folder / name).write_bytes(data)
        return self.folder / name

    def mkboot(self, init, *modules, output="boot.img"):
        done = subprocess.run([MKBOOT, "-o", self.folder / output, "--init", init, *modules],
                              capture_output=True, text=True, check=False)
        return done.returncode, done.stderr

    def refused(self, data, reason):
        init = self.file("bad.elf", data)
        status, errors = self.mkboot(init)
        self.assertEqual(status, 1)
        self.assertIn(str(init), errors)
        self.assertIn(reason, errors)
        self.assertEqual(len(errors.splitlines()), 1)
        self.assertFalse((self.folder / "boot.img").exists())

    def test_layout(self):
        init = self.file("init.elf", elf([TEXT, DATA]))
        module = self.file("motd", b"m" * (PAGE + 1))
        status, errors = self.mkboot(init, f"etc/motd={module}")
        self.assertEqual((status, errors), (0, ""))
        image = (self.folder / "boot.img").read_bytes()
        self.assertEqual(struct.unpack_from("<8sIIIIIIQ", image),
                         (b"EXOBOOT1", 1, PAGE, 5, 2, 1, 0, 0x400000))
        self.assertEqual(len(image), 5 * PAGE)
        self.assertEqual(struct.unpack_from("<QQQQII", image, 40),
                         (0x400000, PAGE, 40, 40, 1 | 4, 0))
        self.assertEqual(struct.unpack_from("<QQQQII", image, 80),
                         (0x401000, 2 * PAGE, 4, 3 * PAGE, 1 | 2, 0))
        name, offset, size, digest = struct.unpack_from("<48sQQ32s", image, 120)
        self.assertEqual((name.rstrip(b"\0"), offset, size), (b"etc/motd", 3 * PAGE, PAGE + 1))
        self.assertEqual(digest, hashlib.sha256(b"m" * (PAGE + 1)).digest())
        self.assertEqual(image[offset:offset + size], b"m" * (PAGE + 1))
        self.assertEqual(image[2 * PAGE:3 * PAGE], b"data".ljust(PAGE, b"\0"))

    def test_same_inputs_give_same_bytes(self):
        init = self.file("init.elf", elf([TEXT, DATA]))
        for output in ("one", "two"):
            self.assertEqual(self.mkboot(init, f"a={init}", f"b={init}", output=output)[0], 0)
        self.assertEqual((self.folder / "one").read_bytes(), (self.folder / "two").read_bytes())

    def test_segments_are_sorted_by_address(self):
        self.mkboot(self.file("init.elf", elf([DATA, TEXT])))
        image = (self.folder / "boot.img").read_bytes()
        self.assertEqual(struct.unpack_from("<Q", image, 40)[0], 0x400000)

    def test_many_modules_grow_the_header(self):
        init = self.file("init.elf", elf([TEXT]))
        self.assertEqual(self.mkboot(init, *(f"m{i}={init}" for i in range(60)))[0], 0)
        image = (self.folder / "boot.img").read_bytes()
        self.assertEqual(struct.unpack_from("<I", image, 12)[0], 2 * PAGE)

    def test_refuses_what_is_not_elf(self):
        self.refused(b"#!/bin/sh\n", "not an ELF file")
        self.refused(b"", "not an ELF file")

    def test_refuses_truncated_files(self):
        self.refused(elf([TEXT])[:30], "truncated")
        self.refused(elf([TEXT])[:70], "program headers outside")
        self.refused(elf([TEXT])[:-1], "outside of the file")

    def test_refuses_foreign_machines_and_types(self):
        self.refused(elf([TEXT], machine=62), "not aarch64")
        self.refused(elf([TEXT], kind=3), "not a static executable")

    def test_refuses_unmappable_segments(self):
        self.refused(elf([(0x400010, READ | EXEC, b"x", 1)], 0x400010), "begin on a page")
        self.refused(elf([(0x400000, READ | WRITE | EXEC, b"x", 1)]), "writable and executable")
        self.refused(elf([TEXT, (0x400000, READ, b"x", 1)]), "share a page")
        self.refused(elf([(0x400000, READ | EXEC, b"xy", 1)]), "larger in the file")
        self.refused(elf([(0, READ | EXEC, b"x", 1)], 0), "outside of user addresses")
        self.refused(elf([]), "nothing to load")

    def test_refuses_an_entry_outside_of_code(self):
        self.refused(elf([TEXT, DATA], entry=0x401000), "not in an executable segment")

    def test_names_a_missing_file(self):
        status, errors = self.mkboot(self.folder / "absent.elf")
        self.assertEqual(status, 1)
        self.assertIn("absent.elf: No such file", errors)

    def test_refuses_bad_module_names(self):
        init = self.file("init.elf", elf([TEXT]))
        for argument in (f"={init}", f"a b={init}", f"{'x' * 48}={init}", "nothing"):
            self.assertEqual(self.mkboot(init, argument)[0], 1, argument)
        status, errors = self.mkboot(init, f"a={init}", f"a={init}")
        self.assertEqual(status, 1)
        self.assertIn("used twice", errors)
