#!/usr/bin/env python3
"""Trains the default model. Needs Debian's python3-torch, python3-numpy and libopenblas0-pthread.

    train.py [--steps N] [--resume] FOLDER

writes tokenizer.bin, checkpoint.pt and log.txt to FOLDER. The learning rate rises for 100 steps,
stays, and falls to nothing in the last quarter; --resume goes on from the checkpoint, with another
number of steps if that is given. One thread; about 2 GB of memory.
"""
import argparse
import pathlib
import time

import torch
from torch.nn import functional

import bpe
from corpus.document import LATE, document
from llama import Llama, Shape

SEED = 1
VALIDATION_SEED = 2
ROWS = 16
RATE = 3e-3
WARM_UP = 100
IGNORED = -100


class Rows:
    """Documents of one seed in rows of the context's length, each row beginning with one."""

    def __init__(self, tokenizer, seed, context, first=0, held_out=False):
        self.tokenizer, self.seed, self.held_out = tokenizer, seed, held_out
        self.context, self.index, self.pool = context, first, []

    def fill(self):
        while len(self.pool) < 32:
            text = document(self.seed, self.index, self.held_out)
            self.index += 1
            self.pool.append(self.tokenizer.encode(text)[:self.context])

    def row(self):
        """One row: documents that fit, the BOS that ends the last one, and what is ignored."""
        row = []
        self.fill()
        for tokens in list(self.pool):
            if len(row) + len(tokens) <= self.context:
                row += tokens
                self.pool.remove(tokens)
        row.append(bpe.BOS)
        return row + [IGNORED] * (self.context + 1 - len(row))

    def batch(self, rows):
        """Inputs and targets."""
        tokens = torch.tensor([self.row() for _ in range(rows)])
        return tokens[:, :-1].clamp(min=0), tokens[:, 1:]


def loss_of(model, batch):
    inputs, targets = batch
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=model.training):
        logits = model(inputs)
    return functional.cross_entropy(logits.float().flatten(0, 1), targets.flatten(),
                                    ignore_index=IGNORED)


def rate_at(step, steps):
    return RATE * min(1, (step + 1) / WARM_UP, (steps - step) / (steps / 4))


def validate(model, batches):
    model.eval()
    with torch.no_grad():
        loss = sum(loss_of(model, batch).item() for batch in batches) / len(batches)
    model.train()
    return loss


def tokenizer_in(folder, size):
    path = folder / "tokenizer.bin"
    if not path.exists():
        bpe.save(path, bpe.train((document(SEED, index) for index in range(60000)), size))
    return bpe.Tokenizer(bpe.load(path))


def optimizer_for(model):
    parts = ([], [])
    for weight in model.parameters():
        parts[weight.dim() == 2].append(weight)
    return torch.optim.AdamW([{"params": parts[0], "weight_decay": 0.0},
                              {"params": parts[1], "weight_decay": 0.1}], RATE, betas=(0.9, 0.95))


class Training:
    def __init__(self, folder, steps):
        self.folder, self.steps, self.first = folder, steps, 0
        shape = Shape()
        tokenizer = tokenizer_in(folder, shape.vocab)
        self.model, self.rows = Llama(shape), Rows(tokenizer, SEED, shape.context)
        self.optimizer = optimizer_for(self.model)
        checks = [Rows(tokenizer, VALIDATION_SEED, shape.context, LATE, held_out)
                  for held_out in (False, True)]
        self.checks = [[check.batch(8) for _ in range(4)] for check in checks]
        self.log = open(folder / "log.txt", "a")

    def save(self, step):
        torch.save({"model": self.model.state_dict(), "optimizer": self.optimizer.state_dict(),
                    "index": self.rows.index, "pool": self.rows.pool, "step": step},
                   self.folder / "checkpoint.pt")

    def resume(self):
        saved = torch.load(self.folder / "checkpoint.pt")
        self.model.load_state_dict(saved["model"])
        self.optimizer.load_state_dict(saved["optimizer"])
        self.rows.index, self.rows.pool, self.first = saved["index"], saved["pool"], saved["step"]

    def step(self, step):
        """One batch; returns its loss."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate_at(step, self.steps)
        loss = loss_of(self.model, self.rows.batch(ROWS))
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        return loss.item()

    def check(self, step):
        ordinary, held_out = (validate(self.model, check) for check in self.checks)
        print(f"step {step} validation {ordinary:.4f} held-out {held_out:.4f}", file=self.log,
              flush=True)

    def run(self):
        began, total = time.monotonic(), 0.0
        for step in range(self.first + 1, self.steps + 1):
            total += self.step(step - 1)
            if step % 50 == 0:
                spent = time.monotonic() - began
                print(f"step {step} loss {total / 50:.4f} seconds {spent:.0f}", file=self.log,
                      flush=True)
                total = 0.0
            if step % 250 == 0 or step == self.steps:
                self.check(step)
                self.save(step)


def main():
    parser = argparse.ArgumentParser(description="Trains the default model.")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--steps", type=int, default=4500)
    parser.add_argument("--resume", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    options.folder.mkdir(exist_ok=True)
    training = Training(options.folder, options.steps)
    if options.resume:
        training.resume()
    training.run()


if __name__ == "__main__":
    main()
