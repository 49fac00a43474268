"""build/ports/fetch: what is in the cache needs no network, and nothing unpinned gets out."""
import hashlib
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

FETCH = pathlib.Path(__file__).resolve().parents[2] / "build" / "ports" / "fetch"
GOOD = b"the tarball"
DIGEST = hashlib.sha256(GOOD).hexdigest()
# Stands in for apt-get and apt-cache: one archive, one source version, one tarball.
APT = f"""#!/bin/sh
echo "$0 $*" >> "$CALLS"
case "$*" in
    *indextargets*) echo 'Debian|file:/archive/|stable|main' ;;
    *showsrc*) printf 'Package: lib\\nVersion: 1.0-1\\nChecksums-Sha256:\\n {DIGEST} 11 lib.tar\\n' ;;
    *" source "*"$ABSENT"*) exit 1 ;;
    *" source "*) printf '%s' "$CONTENT" > lib.tar ;;
esac
"""


class Fetch(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        shutil.copy(FETCH, self.folder / "fetch")
        (self.folder / "sources.txt").write_text(f"lib source lib lib.tar {DIGEST} # comment\n")
        (self.folder / "bin").mkdir()
        self.elsewhere = self.folder / "elsewhere"
        self.elsewhere.mkdir()
        for name in ("apt-get", "apt-cache"):
            (self.folder / "bin" / name).write_text(APT)
            (self.folder / "bin" / name).chmod(0o755)
        self.cached = self.folder / "cache" / "chitin" / "sources" / DIGEST / "lib.tar"

    def fetch(self, name="lib", content=GOOD, absent="nothing"):
        done = subprocess.run(
            [self.folder / "fetch", name], capture_output=True, text=True, check=False,
            cwd=self.elsewhere,
            env={"PATH": f"{self.folder}/bin:{os.environ['PATH']}", "CONTENT": content.decode(),
                 "ABSENT": absent,
                 "XDG_CACHE_HOME": f"{self.folder}/cache", "CALLS": f"{self.folder}/calls"})
        return done.returncode, done.stdout, done.stderr

    def calls(self):
        path = self.folder / "calls"
        return path.read_text() if path.exists() else ""

    def test_fetches_once_and_then_needs_no_archive(self):
        self.assertEqual(self.fetch(), (0, f"{self.cached}\n", ""))
        self.assertIn("lib=1.0-1", self.calls())
        (self.folder / "calls").unlink()
        self.assertEqual(self.fetch(), (0, f"{self.cached}\n", ""))
        self.assertEqual(self.calls(), "")

    def test_tries_the_other_archives_when_the_first_lacks_the_file(self):
        self.assertEqual(self.fetch(absent="lib=1.0-1"), (0, f"{self.cached}\n", ""))
        self.assertIn("lib/stable", self.calls())

    def test_leaves_nothing_where_it_is_called(self):
        self.assertEqual(self.fetch()[0], 0)
        self.assertEqual(list(self.elsewhere.iterdir()), [])

    def test_refuses_a_tarball_that_is_not_the_pinned_one(self):
        status, out, errors = self.fetch(content=b"other bytes")
        self.assertEqual((status, out), (1, ""))
        self.assertIn("fetch: lib: lib.tar has SHA-256", errors)
        self.assertIn(DIGEST, errors)
        self.assertFalse(self.cached.exists())

    def test_replaces_a_damaged_file_in_the_cache(self):
        self.cached.parent.mkdir(parents=True)
        self.cached.write_bytes(b"damaged")
        self.assertEqual(self.fetch()[0], 0)
        self.assertEqual(self.cached.read_bytes(), GOOD)

    def test_names_a_source_that_the_archives_lack(self):
        (self.folder / "sources.txt").write_text(f"lib source lib lib.tar {'0' * 64}\n")
        status, _, errors = self.fetch()
        self.assertEqual(status, 1)
        self.assertIn("no version of source package lib has the pinned lib.tar", errors)

    def test_names_an_unknown_source(self):
        status, _, errors = self.fetch(name="nothing")
        self.assertEqual(status, 1)
        self.assertIn("nothing: not in sources.txt, which has lib", errors)
