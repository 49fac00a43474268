"""llm: the same text in the machine, under init, and on the host; and what it says about mistakes."""
import pathlib
import re
import subprocess
import tempfile
import unittest

from harness.host import ROOT, clean_environment, make
from harness.serving import MODELS, NO_MODELS, OUT, TOOLS

DEFAULT = ROOT / "bundles" / "default"
STORE = ROOT / "out" / "store.img"
PROMPT = "Once upon a time"
KERNEL = "llm.kernel=neon-int16"    # whichever is fastest today: texts are compared with the host's


def setUpModule():
    status, output = make("out/store.img", "out/host/llm", "out/clang-release/exo.Image",
                          "out/clang-release/services-llm.img")
    if status:
        raise RuntimeError(output)


def boot(image=OUT / "services-llm.img", **variables):
    """(exit status, console) of a machine that ends with llm."""
    done = subprocess.run(
        [TOOLS / "run-qemu", "--kernel", OUT / "exo.Image", "--initrd", image],
        env=clean_environment(**{"APP": "llm"} | variables),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return done.returncode, done.stdout.decode()


def hosted(model, tokenizer, prompt=PROMPT, tokens=64):
    return subprocess.run([ROOT / "out" / "host" / "llm", model, tokenizer, prompt, str(tokens)],
                          capture_output=True, check=True).stdout.decode()


def count_of(console):
    """Tokens that it says it has made, in that line of its own behind the text."""
    return int(re.search(r"^llm: (\d+) tokens in \d+\.\d\d s, \d+ tok/s", console, re.MULTILINE)[1])


class Default(unittest.TestCase):
    """With the store that `make run APP=llm` boots from."""

    def test_it_measures_instead(self):
        status, console = boot(STORE=str(STORE), BENCH="1", SMP="1")
        self.assertEqual(status, 0, console)
        for line in ("kernel scalar-", ", chosen", "1 worker: prompt of ", "1 worker: 16 texts at once",
                     "of a step: classifier", "of a step of 16: attention", "of its products: down",
                     "products: classifier", "choosing a word: temperature 0.8"):
            self.assertIn(line, console)

    def test_text_is_that_of_the_host_and_the_machine_ends(self):
        status, console = boot(STORE=str(STORE), PROMPT=PROMPT, TOKENS="64", CMDLINE=KERNEL)
        self.assertEqual(status, 0)
        self.assertIn("bundle default/1: opened: signed by development", console)
        self.assertIn("\n" + hosted(DEFAULT / "model.bin", DEFAULT / "tokenizer.bin"), console)
        self.assertEqual(count_of(console), 64)

    def test_prompt_may_have_any_characters(self):
        prompt = "What's \"100%\" of\ta=b? é 20%20"
        status, console = boot(STORE=str(STORE), PROMPT=prompt, TOKENS="5", SMP="1", CMDLINE=KERNEL)
        self.assertEqual(status, 0)
        text = hosted(DEFAULT / "model.bin", DEFAULT / "tokenizer.bin", prompt, 5)
        self.assertIn("\n" + text, console)

    def test_mistakes_are_named(self):
        for variables, text in (({}, "llm: llm.prompt: what to complete"),
                                ({"CMDLINE": "llm.prompt=a%2"}, "llm: llm.prompt: % must be"),
                                ({"CMDLINE": "llm.prompt=a%00"}, "llm: llm.prompt: % must be"),
                                ({"PROMPT": "x", "TOKENS": "0"}, "llm: llm.n: not a number"),
                                ({"PROMPT": "x", "CMDLINE": "llm.bundle=none"}, "llm: none: no "),
                                ({"PROMPT": "word " * 200}, "command line has 14")):
            with self.subTest(text=text, variables=variables):
                status, console = boot(**{"STORE": str(STORE), "SMP": "1"} | variables)
                self.assertIn(text, console)
                self.assertEqual(status, 1)


@unittest.skipUnless(MODELS.is_dir(), NO_MODELS)
class Stories(unittest.TestCase):
    def test_text_is_the_reference_to_the_end_of_the_context(self):
        model, tokenizer = MODELS / "stories260K.bin", MODELS / "tok512.bin"
        with tempfile.TemporaryDirectory() as folder:
            image = pathlib.Path(folder) / "llm.img"
            subprocess.run([TOOLS / "mkboot", "-o", image, "--init", OUT / "bin" / "llm.elf",
                            f"model.bin={model}", f"tokenizer.bin={tokenizer}"], check=True)
            _, console = boot(image, PROMPT=PROMPT, TOKENS="252", APP="")
        path = MODELS / "ref" / "stories260K.once-upon-a-time.t0.n256.txt"
        self.assertIn("\n" + path.read_text(encoding="utf-8").rstrip("\n") + "\n", console)
        self.assertIn(hosted(model, tokenizer, tokens=252), console)

    def test_gguf_says_what_the_reference_says_and_needs_no_tokenizer(self):
        model = MODELS / "stories260K.gguf"
        path = MODELS / "ref" / "stories260K.once-upon-a-time.t0.n64.txt"
        expected = path.read_text(encoding="utf-8").rstrip("\n") + "\n"
        with tempfile.TemporaryDirectory() as folder:
            status, output = make("store", f"STORE_FOLDER={folder}", f"MODEL={model}",
                                  "VERIFY=on-fault")
            self.assertEqual(status, 0, output)
            status, console = boot(STORE=f"{folder}/store.img", PROMPT=PROMPT, TOKENS="60",
                                   CMDLINE="llm.bundle=raw llm.unsigned=1")
        self.assertEqual(status, 0)
        self.assertIn("bundle raw/1: opened: NOT SIGNED BY ANYBODY", console)
        self.assertIn("\n" + expected, console)
        self.assertEqual(hosted(model, model, tokens=60), expected)


if __name__ == "__main__":
    unittest.main()
