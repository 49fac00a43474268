#!/usr/bin/env python3
"""measure.py CHECKPOINT PAYLOAD [samples]: prints measured.txt, or samples.txt.

fp32 is the checkpoint in PyTorch; Q8_0 is the exported file, as q80.py evaluates it in double
precision, and "as llama2.c" the same with activations rounded as llama2.c's program rounds them.
"""
import math
import pathlib
import sys

import numpy as np
import torch

import bpe
import q80
from corpus import heldout, system
from corpus.dice import Dice
from corpus.document import LATE, document
from llama import Llama, Shape

SEED = 3
DOCUMENTS = 300
# What is longer than 300 letters is a story.
KINDS = (("texts", False, 0), ("stories", False, 300),
         ("stories with held-out combinations", True, 300))
PROMPTS = pathlib.Path(__file__).with_name("prompts.txt")


class Torch:
    """The fp32 checkpoint, with the interface of q80.Model."""

    def __init__(self, path):
        self.model = Llama(Shape())
        self.model.load_state_dict(torch.load(path)["model"])
        self.model.eval()

    def logits(self, tokens):
        with torch.no_grad():
            return self.model(torch.tensor([tokens]))[0].double().numpy()


class Measure:
    def __init__(self, checkpoint, payload):
        self.tokenizer = bpe.Tokenizer(bpe.load(payload / "tokenizer.bin"))
        self.models = {"fp32": Torch(checkpoint), "Q8_0": q80.Model(payload / "model.bin"),
                       "Q8_0 as llama2.c": q80.Model(payload / "model.bin", like_c=True)}
        self.context = Shape().context

    def texts(self, held_out, least):
        """Unseen texts of at least so many letters."""
        found, index = [], LATE
        while len(found) < DOCUMENTS:
            text = document(SEED, index, held_out)
            index += 1
            if len(text) >= least:
                found.append(self.tokenizer.encode(text)[:self.context])
        return found

    def loss(self, name, texts):
        """Mean loss of all tokens that follow the first BOS, and of the BOS that ends a text."""
        return np.concatenate([q80.losses(self.models[name].logits(tokens), tokens[1:] + [bpe.BOS])
                               for tokens in texts]).mean()

    def answer(self, name, prompt, limit=200):
        tokens = self.tokenizer.encode(prompt)
        out = q80.complete(self.models[name].logits, tokens, limit, self.context)
        return self.tokenizer.decode(out) if out else ""

    def agreement(self, count=40):
        """How many greedy texts of 64 tokens the two have in common."""
        same = 0
        for index in range(count):
            prompt = " ".join(document(SEED, LATE + index).split("\n")[0].split()[:6])
            same += self.answer("fp32", prompt, 64) == self.answer("Q8_0", prompt, 64)
        return same, count

    def sums(self, held_out, count=60):
        right = []
        for a in range(21):
            for b in range(21):
                if heldout.is_held_out_sum(f"{a} plus {b}") == held_out:
                    right.append((f"{a} plus {b}", a + b))
        right = right[::max(1, len(right) // count)]
        good = sum(f"{text} is {value}." in self.answer("Q8_0", f"What is {text}?", 16)
                   for text, value in right)
        return good, len(right)

    def facts(self, count=200):
        """How many answers about the system begin with one that the generator could have given."""
        dice, good = Dice(SEED), 0
        for _ in range(count):
            fact = dice.pick(system.FACTS)
            given = self.answer("Q8_0", system.punctuate(dice, dice.pick(fact.questions)), 80)
            good += given.strip().startswith(tuple(fact.answers))
        return good, count

    def report(self):
        for kind, held_out, least in KINDS:
            texts = self.texts(held_out, least)
            for name in self.models:
                loss = self.loss(name, texts)
                print(f"{DOCUMENTS} unseen {kind}, {name}: loss {loss:.4f} a token, "
                      f"perplexity {math.exp(loss):.3f}", flush=True)
        print("greedy texts of 64 tokens, the same in fp32 and Q8_0: %d of %d" % self.agreement())
        print("right sums, shown in training: %d of %d" % self.sums(False))
        print("right sums, held out: %d of %d" % self.sums(True))
        print("right answers about the system, questions as in training: %d of %d" % self.facts())

    def samples(self):
        for prompt in PROMPTS.read_text().splitlines():
            print(f">>> {prompt}\n{self.answer('Q8_0 as llama2.c', prompt).lstrip(chr(10))}\n")


def main():
    torch.set_num_threads(1)
    measure = Measure(sys.argv[1], pathlib.Path(sys.argv[2]))
    if sys.argv[3:] == ["samples"]:
        measure.samples()
    else:
        measure.report()


main()
