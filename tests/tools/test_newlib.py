"""The C library as it was built: what is in it, and what must not be."""
import pathlib
import re
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build/ports/newlib/build"
SIMD = re.compile(r"\b[vqdsbh](?:[12]?\d|3[01])\b")


def output(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


class Newlib(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.tree = pathlib.Path(output(BUILD).strip())
        cls.libc = cls.tree / "lib/libc.a"

    def undefined(self):
        names = output("llvm-nm-19", "--undefined-only", "--quiet", self.libc).split()
        return {name for name in names if name != "U"}

    def defined(self):
        lines = output("llvm-nm-19", "--defined-only", "--quiet", self.libc).splitlines()
        return {line.split()[-1] for line in lines if len(line.split()) == 3}

    def test_second_build_is_the_first(self):
        self.assertEqual(output(BUILD).strip(), str(self.tree))

    def test_folder_is_outside_of_the_repository(self):
        self.assertNotIn(ROOT, self.tree.parents)

    def test_system_calls_are_left_to_the_library_os(self):
        calls = {"open", "close", "read", "write", "lseek", "fstat", "sbrk", "kill", "getpid"}
        self.assertLessEqual(calls, self.undefined())
        self.assertFalse(calls & self.defined())
        self.assertFalse({"_open", "_write", "_sbrk"} & self.undefined())

    def test_state_is_per_thread_and_locks_are_called(self):
        self.assertLessEqual({"__getreent", "__retarget_lock_acquire_recursive"}, self.undefined())

    def test_members_have_no_paths_of_the_builder(self):
        self.assertNotIn(b"/chitin-newlib-", self.libc.read_bytes())

    # Upcall handlers call these, compiler-made calls included, with a thread's registers live.
    def test_memory_functions_use_no_simd_registers(self):
        functions = "memcpy,memmove,memcmp,strlen,strcmp,strncmp"
        code = output("llvm-objdump-19", "-d", "--no-show-raw-insn",
                      f"--disassemble-symbols={functions}", self.libc)
        lines = [line.partition("\t")[2] for line in code.splitlines() if line.startswith(" ")]
        self.assertGreater(len(lines), 100)
        self.assertEqual([line for line in lines if SIMD.search(line.partition("<")[0])], [])

    def test_memset_is_rts(self):
        self.assertIn("memset", self.undefined())
        self.assertNotIn("memset", self.defined())


if __name__ == "__main__":
    unittest.main()
