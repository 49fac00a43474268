"""build/parts.mk: what several programs are made of is compiled once for each way of compiling, and each
way with its own flags."""
import pathlib
import re
import subprocess
import unittest
from collections import Counter

ROOT = pathlib.Path(__file__).resolve().parents[2]
WAYS = {"unit/asan": "-fsanitize=address,undefined", "unit/tsan": "-fsanitize=thread",
        "unit/arm": "--target=aarch64-linux-gnu", "fuzz": "-fsanitize=fuzzer,address,undefined",
        "host-asan": "-fsanitize=address,undefined", "host": "-march=native"}


def ask(*arguments):
    return subprocess.run(["make", *arguments], cwd=ROOT, capture_output=True, text=True,
                          check=True).stdout


def compilations():
    """(object, the command without it) of everything that a build from nothing would compile for the
    machine that builds."""
    fuzzers = [f"out/fuzz/{test}" for test in ask("-s", "print-FUZZ_TESTS").split()]
    text = ask("-nB", "V=1", "units", "hosted", "out/host-asan/llmd", *fuzzers)
    for command in re.findall(r"clang-19 .* -MMD .*", text.replace("\\\n", "")):
        yield re.search(r" -o out/(\S+)", command)[1], re.sub(r" -o \S+", "", command)


class Parts(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.compiled = list(compilations())

    def test_nothing_is_compiled_twice_in_the_same_way(self):
        commands = Counter(command for _, command in self.compiled)
        self.assertGreater(len(commands), 100)
        self.assertEqual([], [command for command, count in commands.items() if count > 1])

    def test_each_way_has_its_flags_and_no_others(self):
        for name, command in self.compiled:
            way = next(way for way in WAYS if name.startswith(way + "/"))
            self.assertIn(WAYS[way], command.split())
            self.assertEqual({f for f in command.split() if f.startswith(("-fsanitize", "--target"))},
                             {WAYS[way]} - {"-march=native"})


if __name__ == "__main__":
    unittest.main()
