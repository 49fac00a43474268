"""GGUF files, made by out/host/gguf of the default model: the same words on the host, in bundles, and
through MODEL=; what is wrong with a file is said in one line that names it."""
import pathlib
import subprocess
import tempfile
import tomllib
import unittest

from harness.host import ROOT, clean_environment, make
from harness.serving import MODELS, NO_MODELS

TOOL = ROOT / "out" / "host" / "gguf"
LLM = ROOT / "out" / "host" / "llm"
BUNDLE = ROOT / "out" / "host" / "bundle"
DEFAULT = ROOT / "bundles" / "default"
CHECKPOINT = (DEFAULT / "model.bin", DEFAULT / "tokenizer.bin")
PROMPT = "Once upon a time"


def setUpModule():
    status, output = make("out/host/gguf", "out/host/llm", "out/host/bundle")
    if status:
        raise RuntimeError(output)


def run(program, *arguments):
    done = subprocess.run([program, *arguments], env=clean_environment(), capture_output=True,
                          text=True, check=False, timeout=60)
    return done.returncode, done.stdout, done.stderr


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def works(self, program, *arguments):
        status, output, errors = run(program, *arguments)
        self.assertEqual(status, 0, errors)
        return output

    def convert(self, *what, files=CHECKPOINT):
        path = self.folder / "model.gguf"
        self.works(TOOL, "convert", *files, path, *what)
        return path

    def refused(self, reason, *arguments, status=1):
        actual, _, errors = run(TOOL, *arguments)
        self.assertEqual((actual, len(errors.splitlines())), (status, 1 if status == 1 else 2))
        self.assertIn(reason, errors)
        self.assertEqual(list(self.folder.glob("out*")), [])


class Tool(Case):
    def test_what_is_wrong_is_said_with_the_file(self):
        out, text = self.folder / "out", self.folder / "text"
        text.write_text("no model of any kind, but long enough for a header")
        self.refused("text: gguf: the file does not begin with GGUF", "quantise", text, out, "q8_0")
        self.refused("text: checkpoint: dim is", "convert", text, text, out)
        self.refused("text: tokenizer: ", "convert", CHECKPOINT[0], text, out)
        self.refused("absent: No such file", "quantise", "absent", out, "q8_0")
        self.refused("q2_k: no type that can be written", "quantise", text, out, "q2_k")
        self.refused("usage: ", "quantise", text, out, status=2)
        self.refused("usage: ", "improve", text, out, status=2)
        whole = self.convert()
        text.write_bytes(whole.read_bytes()[:-1])
        self.refused("text: ", "quantise", text, out, "q8_0")
        text.write_bytes(whole.read_bytes()[:1000])
        self.refused("text: gguf: cut short in its keys", "quantise", text, out, "q8_0")


class Served(Case):
    def test_words_of_floats_are_those_of_the_checkpoint(self):
        model = self.convert()
        self.assertEqual(self.works(LLM, model, model, PROMPT, "40"),
                         self.works(LLM, *CHECKPOINT, PROMPT, "40"))

    @unittest.skipUnless(MODELS.is_dir(), NO_MODELS)
    def test_floats_of_stories_say_the_reference_text(self):
        model = self.convert(files=(MODELS / "stories260K.bin", MODELS / "tok512.bin"))
        path = MODELS / "ref" / "stories260K.once-upon-a-time.t0.n256.txt"
        self.assertEqual(self.works(LLM, model, model, PROMPT, "252").rstrip("\n"),
                         path.read_text(encoding="utf-8").rstrip("\n"))

    def bundle(self, model, *options):
        folder = self.folder / "small" / "1"
        folder.mkdir(parents=True)
        (folder / "model.gguf").write_bytes(model)
        return folder, run(BUNDLE, "make", folder, "--weights", "model.gguf", *options)

    def test_a_bundle_has_one_payload_and_verifies(self):
        model = self.convert("q4_0").read_bytes()
        folder, (status, _, errors) = self.bundle(model)
        self.assertEqual((status, errors), (0, ""))
        manifest = tomllib.loads((folder / "manifest.toml").read_text())
        self.assertEqual([payload["path"] for payload in manifest["payload"]], ["model.gguf"])
        self.assertEqual({key: manifest["model"][key] for key in ("weights", "tokenizer", "dim")},
                         {"weights": "model.gguf", "tokenizer": "model.gguf", "dim": 128})
        self.works(BUNDLE, "keygen", "--name", "k", "-o", self.folder / "k")
        self.works(BUNDLE, "sign", folder, "--key", self.folder / "k.key")
        self.assertIn("signed by k", self.works(BUNDLE, "verify", folder, "--trust",
                                                self.folder / "k.pub"))

    def test_a_vocabulary_that_cannot_be_used_is_refused_before_it_is_signed(self):
        model = self.convert("q4_0").read_bytes().replace(b"tokenizer.ggml.scores", b"tokenizer.ggml.scoreX")
        _, (status, _, errors) = self.bundle(model)
        self.assertEqual(status, 1)
        self.assertRegex(errors, r"^bundle: .*model.gguf: gguf: tokenizer.ggml.scores is missing\n$")

    def test_make_store_takes_the_file_alone(self):
        model = self.convert("q8_0")
        status, output = make("store", f"STORE_FOLDER={self.folder}/store", f"MODEL={model}")
        self.assertEqual(status, 0, output)
        manifest = tomllib.loads((self.folder / "store/raw/1/manifest.toml").read_text())
        self.assertEqual(manifest["payload"][0]["bytes"], model.stat().st_size)


if __name__ == "__main__":
    unittest.main()
