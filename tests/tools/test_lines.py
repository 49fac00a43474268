"""lines: comments and blank lines do not count, strings that look like comments do."""
import pathlib
import subprocess
import tempfile
import unittest

LINES = pathlib.Path(__file__).resolve().parents[2] / "build" / "tools" / "lines"
SOURCE = '''/* a
 * comment */

// another
int a; // trailing
const char *b = "// not a comment"; /* x */ int c;
char quote = '"'; /* " */
/* before */ int d;
'''


class Lines(unittest.TestCase):
    def count(self, *arguments):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            (root / "debug").mkdir()
            (root / "a.c").write_text(SOURCE)
            (root / "debug" / "b.c").write_text("int e;\n")
            done = subprocess.run([LINES, *arguments, folder] + ["--exclude", root / "debug"],
                                  capture_output=True, text=True, check=False)
        return done.returncode, int(done.stdout.splitlines()[-1].split()[0])

    def test_counts_code_only(self):
        self.assertEqual(self.count(), (0, 4))

    def test_fails_above_the_budget(self):
        self.assertEqual(self.count("--budget", "4"), (0, 4))
        self.assertEqual(self.count("--budget", "3"), (1, 4))
