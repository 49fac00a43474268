#!/usr/bin/env python3
"""export.py CHECKPOINT MODEL: writes train.py's checkpoint as llama2.c's version 2 (Q8_0)."""
import sys

import torch

import q80
from llama import Shape


def main(checkpoint, path):
    weights = {name: value.numpy() for name, value in torch.load(checkpoint)["model"].items()}
    shape = Shape()
    layers = range(shape.layers)

    def each(part):
        return [weights[f"layers.{layer}.{part}.weight"] for layer in layers]

    norms = each("attention_norm") + each("ffn_norm") + [weights["norm.weight"]]
    matrices = {name: each(name) for name in ("wq", "wk", "wv", "wo", "w1", "w2", "w3")}
    matrices["embedding"] = [weights["embedding.weight"]]
    q80.write(path, (shape.dim, shape.hidden, shape.layers, shape.heads, shape.kv_heads,
                     shape.vocab, shape.context), norms, matrices)


main(*sys.argv[1:])
