"""The default model: its files are what its README says, and its training text is what it was."""
import hashlib
import pathlib
import re
import struct
import sys
import unittest

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "bundles" / "default"
sys.path.insert(0, str(FOLDER / "training"))

import bpe  # noqa: E402
from corpus import heldout, system, words  # noqa: E402
from corpus.document import LATE, document  # noqa: E402

LINES = 3000
# Of the first LINES documents of seed 1 and of LINES from LATE on, each with a newline behind it.
TEXT_SHA256 = "ef113c1f5c855043ab39d86dc6882492c6040f34541400369777cd796465d808"


def stated():
    """File name to size and hash, from the README's table."""
    rows = re.findall(r"\| `(\w+\.bin)` \| ([\d,]+) \| `([0-9a-f]{64})` \|",
                      (FOLDER / "README.md").read_text())
    return {name: (int(size.replace(",", "")), digest) for name, size, digest in rows}


class Payload(unittest.TestCase):
    def test_files_are_those_of_the_readme(self):
        found = stated()
        self.assertEqual(sorted(found), ["model.bin", "tokenizer.bin"])
        for name, (size, digest) in found.items():
            data = (FOLDER / name).read_bytes()
            self.assertEqual((name, len(data), hashlib.sha256(data).hexdigest()),
                             (name, size, digest))
        self.assertLessEqual(sum(size for size, _ in found.values()), 2 << 20)

    def test_model_has_its_shape_and_the_size_that_follows(self):
        data = (FOLDER / "model.bin").read_bytes()
        magic, version, dim, hidden, layers, heads, kv_heads, vocab, context, shared, group = (
            struct.unpack_from("<Ii7iBi", data))
        self.assertEqual((magic, version, shared, group), (0x616B3432, 2, 1, 64))
        self.assertEqual((dim, hidden, layers, heads, kv_heads, vocab, context),
                         (128, 384, 5, 4, 2, 2048, 256))
        kv_dim = dim // heads * kv_heads
        weights = vocab * dim + layers * (2 * dim * dim + 2 * dim * kv_dim + 3 * dim * hidden)
        self.assertEqual(len(data), 256 + 4 * (2 * layers + 1) * dim + weights + weights // group * 4)

    def test_tokenizer_belongs_to_the_model(self):
        entries = bpe.load(FOLDER / "tokenizer.bin")
        longest = struct.unpack_from("<i", (FOLDER / "tokenizer.bin").read_bytes())[0]
        self.assertEqual(len(entries), 2048)
        self.assertEqual(longest, max(len(piece) for piece, _ in entries))
        self.assertEqual([piece for piece, _ in entries[:259]], bpe.SPECIAL)
        self.assertEqual(len({piece for piece, _ in entries}), len(entries))

    def test_tokenizer_gives_back_each_text(self):
        tokenizer = bpe.Tokenizer(bpe.load(FOLDER / "tokenizer.bin"))
        texts = [document(1, index) for index in range(200)] + ["na\u00efve \u2192 \U0001f40c\t!"]
        for text in texts:
            self.assertEqual(tokenizer.decode(tokenizer.encode(text)[1:]), text)


class Text(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.texts = [document(1, first + index) for first in (0, LATE) for index in range(LINES)]

    def test_generator_is_deterministic(self):
        text = "".join(text.replace("\n", "\\n") + "\n" for text in self.texts)
        self.assertEqual(hashlib.sha256(text.encode()).hexdigest(), TEXT_SHA256)

    def test_held_out_combinations_do_not_occur(self):
        nouns = {name: {noun for noun in heldout.NOUNS if heldout.is_held_out(name, noun)}
                 for name in heldout.NAMES}
        for text in self.texts:
            found = set(re.findall(r"[A-Za-z]+", text))
            for name in found & heldout.NAMES:
                self.assertFalse(found & nouns[name], text)
            for total in re.findall(r"\d+ (?:plus|minus|times) \d+", text):
                self.assertFalse(heldout.is_held_out_sum(total), text)

    def test_held_out_texts_have_such_a_combination(self):
        for index in range(LATE - 50, LATE + 50):
            self.assertTrue(heldout.combinations(document(3, index, held_out=True)))

    def test_parts_of_held_out_combinations_occur_alone(self):
        found = set(re.findall(r"[A-Za-z]+", " ".join(self.texts)))
        self.assertLessEqual(set(words.GIRLS + words.BOYS + words.PLACES + words.OBJECTS), found)

    def test_text_has_thousands_of_words(self):
        self.assertGreater(len(set(re.findall(r"[a-z]+", " ".join(self.texts).lower()))), 2500)

    def test_each_fact_has_questions_and_answers(self):
        for fact in system.FACTS:
            self.assertTrue(fact.questions and fact.answers, fact)
