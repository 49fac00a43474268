"""ci/harness/fuzz.py: who has only the report of a fuzzer's failure can see it again, and two runs of one
fuzzer do the same."""
import contextlib
import io
import pathlib
import subprocess
import tempfile
import unittest
from unittest import mock

from harness import fuzz, patience, report
from harness.host import ROOT, make, run

ASKED = {"runs": "5", "max_len": "16"}
PROGRESS = "INFO: Seed: 1\n#2\tINITED cov: 1\n#3\tNEW    cov: 2\n\tNEW_FUNC[1/1]: 0x5 in f f.c:1\n"
STACK = (f"    #0 0x5 in abort stdlib/abort.c:79:7\n    #1 0x6 in parse {ROOT}/libos/elf/elf.c:12:3\n"
         f"    #2 0x7 in LLVMFuzzerTestOneInput {ROOT}/tests/fuzz/fuzz_elf.c:9:2\n")
SIGNAL = "==7== ERROR: libFuzzer: deadly signal\n" + STACK + "SUMMARY: libFuzzer: deadly signal\n"


class Account(unittest.TestCase):
    def test_what_the_target_said_last_is_the_cause(self):
        cause, lines = fuzz.account(PROGRESS + "exo: panic: no bus\n" + SIGNAL)
        self.assertEqual(cause, "exo: panic: no bus, in parse libos/elf/elf.c:12:3")
        self.assertEqual(lines[:2], ["exo: panic: no bus", "==7== ERROR: libFuzzer: deadly signal"])

    def test_of_one_that_said_nothing_it_is_where_it_ended(self):
        self.assertEqual(fuzz.account(PROGRESS + SIGNAL)[0],
                         "ERROR: libFuzzer: deadly signal, in parse libos/elf/elf.c:12:3")

    def test_sanitizers_say_it_in_a_line(self):
        text = (PROGRESS + "==7==ERROR: AddressSanitizer: heap-use-after-free on address 0x5\n" + STACK
                + f"SUMMARY: AddressSanitizer: heap-use-after-free {ROOT}/libos/elf/elf.c:12:3 in parse\n")
        self.assertEqual(fuzz.account(text)[0],
                         "AddressSanitizer: heap-use-after-free libos/elf/elf.c:12:3 in parse")
        text = (PROGRESS + f"{ROOT}/exo/a.c:3:1: runtime error: shift\n"
                "SUMMARY: UndefinedBehaviorSanitizer: undefined-behavior exo/a.c:3:1\n")
        self.assertEqual(fuzz.account(text)[0], "exo/a.c:3:1: runtime error: shift")

    def test_only_the_beginning_is_shown(self):
        self.assertEqual(len(fuzz.account(SIGNAL + "more\n" * 100)[1]), fuzz.SHOWN_LINES)


class Report(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))

    def failure(self, status=77, output=PROGRESS + SIGNAL):
        return fuzz.judge("fuzz_x", ASKED, self.folder, status, output)

    def test_it_passes_when_all_runs_were_done_and_not_otherwise(self):
        self.assertIsNone(self.failure(0, "Done 5 runs in 1 second(s)\n"))
        self.assertIn("exit status 0", self.failure(0, "Done 4 runs in 1 second(s)\n")[0])
        self.assertIn("exit status 1", self.failure(1, "Done 5 runs in 1 second(s)\n")[0])
        self.assertIn("hung", self.failure(None, "")[0])

    def test_the_command_that_is_shown_makes_the_input(self):
        for data in (bytes(range(256)), b"", b"'$(reboot)\\"):
            (self.folder / "crash-0123abcd").write_bytes(data)
            command, again = self.failure()[1][-2:]
            self.assertEqual(again, "again: make out/fuzz/fuzz_x && out/fuzz/fuzz_x input")
            subprocess.run(["sh", "-c", command.partition("its input: ")[2]], cwd=self.folder, check=True)
            self.assertEqual((self.folder / "input").read_bytes(), data)

    def test_what_is_too_long_or_not_there_is_said(self):
        self.assertEqual(self.failure()[1][-1], "it left no input")
        (self.folder / "oom-0123abcd").write_bytes(bytes(fuzz.SHOWN_BYTES + 1))
        self.assertIn(f"of {fuzz.SHOWN_BYTES + 1} bytes is too long", self.failure()[1][-1])

    def test_the_end_of_the_report_has_cause_and_input(self):
        result, text = report.Report(), io.StringIO()
        with contextlib.redirect_stdout(text), mock.patch.object(report, "LOGS", self.folder):
            result.fail("fuzz/fuzz_x", "exit status 77: why", "a stack", again=["its input: i", "again: a"])
            result.ok("guest/other")
            self.assertEqual(result.finish(), 1)
        self.assertEqual(text.getvalue().splitlines()[-4:],
                         ["# failed: fuzz/fuzz_x: exit status 77: why", "# its input: i", "# again: a",
                          "1 passed, 1 failed"])


class StoodStill(unittest.TestCase):
    """An input that takes too long by the clock is a failure when it takes a CPU as long, or hangs; else
    all runs are done again."""

    def setUp(self):
        folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.target, self.folder = folder / "fuzz_x", folder / "run" / "fuzz_x"
        self.folder.mkdir(parents=True)
        self.enterContext(mock.patch.object(fuzz, "INPUT_S", 1))
        self.enterContext(mock.patch.object(patience, "LOAD", 1))

    def test_only_an_input_that_ends_alone_was_none(self):
        self.assertFalse(fuzz.stood_still("fuzz_x", self.folder))
        (self.folder / "timeout-0123abcd").write_bytes(b"input")
        for line, patient_s, still in (('[ "$*" = "-timeout=0 timeout-0123abcd" ]', 1000, True),
                                       ("exit 1", 1000, False), ("while :; do :; done", 1000, False),
                                       ("exec sleep 1000000", 2, False)):
            with self.subTest(line=line), mock.patch.object(fuzz, "HANG_S", patient_s):
                self.target.write_text(f"#!/bin/sh\n{line}\n")
                self.target.chmod(0o755)
                self.assertEqual(fuzz.stood_still("fuzz_x", self.folder), still)

    def test_all_runs_are_done_again_as_often_as_it_stood_still(self):
        for still, fed in (([False], 1), ([True, True, False], 3), ([True] * 20, fuzz.TIMES)):
            with mock.patch.object(fuzz, "stood_still", side_effect=still), \
                    mock.patch.object(fuzz, "feed", return_value=(self.folder, 0, "")) as feed, \
                    contextlib.redirect_stdout(io.StringIO()):
                fuzz.feed_again("fuzz_x", ASKED)
            self.assertEqual(feed.call_count, fed)

    def test_the_fuzzer_says_so_by_the_clock_alone_where_it_may(self):
        """libFuzzer itself: with -timeout=0 it has no clock."""
        source = self.folder / "x.c"
        source.write_text("#include <stdint.h>\n#include <stddef.h>\n#include <unistd.h>\n"
                          "int LLVMFuzzerTestOneInput(const uint8_t *d, size_t n)\n"
                          "{ for (int i = 0; i < 3 && n > 0 && d[0] == 'x'; i++) sleep(1); return 0; }\n")
        subprocess.run(["clang-19", "-fsanitize=fuzzer", "-o", self.target, source],
                       check=True)
        (self.folder / "timeout-0").write_bytes(b"x")
        status, output = run([self.target, "-timeout=1", "timeout-0"], cwd=self.folder)
        self.assertNotEqual(status, 0)
        self.assertIn("libFuzzer: timeout", output)
        with mock.patch.object(fuzz, "HANG_S", 100):
            self.assertTrue(fuzz.stood_still("fuzz_x", self.folder))


class Twice(unittest.TestCase):
    def feed(self):
        folder, status, output = fuzz.feed("fuzz_toml", {"runs": "60000", "max_len": "512"})
        self.assertEqual(status, 0, output)
        return [sorted(path.name for path in (folder / "corpus").iterdir()),
                [line.partition(" exec/s")[0] for line in output.splitlines()
                 if line.startswith("#") and "\tpulse" not in line]]   # by the clock

    def test_two_runs_find_the_same_inputs_in_the_same_order(self):
        if not fuzz.same_addresses():
            self.skipTest("setarch -R is not permitted here")
        status, output = make("out/fuzz/fuzz_toml")
        self.assertEqual(status, 0, output)
        found = [self.feed(), self.feed()]
        if found[0] != found[1]:    # a thread of libFuzzer's own disturbs one of hundreds of runs
            found.append(self.feed())
            self.assertIn(found.pop(), found)
        self.assertGreater(len(found[0][0]), 20)
