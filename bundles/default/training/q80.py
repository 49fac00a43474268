"""llama2.c's version 2 (Q8_0) checkpoints: written from fp32 weights; read and evaluated in double
precision, with numpy only and apart from the code that trains.
"""
import struct

import numpy as np

MAGIC, VERSION, HEADER, GROUP = 0x616B3432, 2, 256, 64


def quantise(values):
    """Groups of 64 to int8 and their fp32 scales."""
    groups = values.astype(np.float32).reshape(-1, GROUP)
    scales = np.abs(groups).max(1) / np.float32(127)
    inverse = np.divide(1, scales, out=np.zeros_like(scales), where=scales > 0)
    return np.rint(groups * inverse[:, None]).astype(np.int8), scales.astype("<f4")


def matrices(shape):
    """The tensors in file order: name, how many, rows, columns."""
    dim, hidden, layers, heads, kv_heads, vocab, _ = shape
    kv_dim = dim // heads * kv_heads
    return [("embedding", 1, vocab, dim), ("wq", layers, dim, dim), ("wk", layers, kv_dim, dim),
            ("wv", layers, kv_dim, dim), ("wo", layers, dim, dim), ("w1", layers, hidden, dim),
            ("w2", layers, dim, hidden), ("w3", layers, hidden, dim)]


def write(path, shape, norms, weights):
    """`norms`: attention, feed-forward, last; `weights`: name to a list of matrices."""
    with open(path, "wb") as file:
        header = struct.pack("<Ii7iBi", MAGIC, VERSION, *shape, 1, GROUP)
        file.write(header.ljust(HEADER, b"\0"))
        for norm in norms:
            file.write(norm.astype("<f4").tobytes())
        for name, count, rows, columns in matrices(shape):
            assert len(weights[name]) == count
            for matrix in weights[name]:
                assert matrix.shape == (rows, columns)
                for part in quantise(matrix):
                    file.write(part.tobytes())


class Model:
    """A checkpoint whose output is the embedding. `like_c` rounds activations as llama2.c does."""

    def __init__(self, path, like_c=False):
        self.data = open(path, "rb").read()
        magic, version, *shape, shared, self.group = struct.unpack_from("<Ii7iBi", self.data)
        if (magic, version, shared) != (MAGIC, VERSION, 1):
            raise ValueError(f"{path}: not a version 2 checkpoint with a shared output")
        self.shape, self.like_c, self.at = shape, like_c, HEADER
        dim, layers = shape[0], shape[2]
        self.attention_norm = self.take("<f4", layers * dim).reshape(layers, dim)
        self.ffn_norm = self.take("<f4", layers * dim).reshape(layers, dim)
        self.norm = self.take("<f4", dim)
        self.weights = {name: [self.matrix(rows, columns) for _ in range(count)]
                        for name, count, rows, columns in matrices(shape)}
        if self.at != len(self.data):
            raise ValueError(f"{path}: {len(self.data)} bytes, not {self.at}")

    def take(self, kind, count):
        values = np.frombuffer(self.data, kind, count, self.at)
        self.at += values.nbytes
        return values.astype(np.float64)

    def matrix(self, rows, columns):
        values = self.take("i1", rows * columns).reshape(-1, self.group)
        return (values * self.take("<f4", len(values))[:, None]).reshape(rows, columns)

    def multiply(self, x, matrix):
        if self.like_c:
            groups = x.reshape(-1, self.group)
            scale = np.maximum(np.abs(groups).max(1, keepdims=True) / 127, 1e-300)
            scaled = groups / scale
            x = (np.copysign(np.floor(np.abs(scaled) + 0.5), scaled) * scale).reshape(x.shape)
        return x @ matrix.T

    def rotate(self, x, size):
        """Turns neighbouring pairs of each head: x is (position, heads * size)."""
        angle = np.outer(np.arange(len(x)), 10000.0 ** (-np.arange(0, size, 2) / size))
        turned = (x.reshape(len(x), -1, size // 2, 2) @ [[1], [1j]])[..., 0]
        turned = turned * np.exp(1j * angle)[:, None]
        return np.stack((turned.real, turned.imag), -1).reshape(x.shape)

    def attend(self, x, layer):
        _, _, _, heads, kv_heads, _, _ = self.shape
        size, out = x.shape[1] // heads, np.empty_like(x)
        q, k, v = (self.multiply(x, self.weights[name][layer]) for name in ("wq", "wk", "wv"))
        q, k = self.rotate(q, size), self.rotate(k, size)
        for head in range(heads):
            mine = slice(head * size, (head + 1) * size)
            shared = head // (heads // kv_heads)
            theirs = slice(shared * size, (shared + 1) * size)
            score = q[:, mine] @ k[:, theirs].T / np.sqrt(size)
            score = np.where(np.tri(len(x), dtype=bool), score, -np.inf)
            weight = np.exp(score - score.max(1, keepdims=True))
            out[:, mine] = weight / weight.sum(1, keepdims=True) @ v[:, theirs]
        return self.multiply(out, self.weights["wo"][layer])

    def feed(self, x, layer):
        gate, up = (self.multiply(x, self.weights[name][layer]) for name in ("w1", "w3"))
        return self.multiply(gate / (1 + np.exp(-gate)) * up, self.weights["w2"][layer])

    def logits(self, tokens):
        """Logits after each position."""
        x = self.weights["embedding"][0][tokens]
        for layer in range(self.shape[2]):
            x = x + self.attend(normal(x, self.attention_norm[layer]), layer)
            x = x + self.feed(normal(x, self.ffn_norm[layer]), layer)
        return self.multiply(normal(x, self.norm), self.weights["embedding"][0])


def normal(x, weight):
    return x / np.sqrt((x * x).mean(1, keepdims=True) + 1e-5) * weight


def losses(logits, targets):
    """Cross entropy of each target, in nats."""
    top = logits.max(1, keepdims=True)
    total = np.log(np.exp(logits - top).sum(1)) + top[:, 0]
    return total - logits[np.arange(len(targets)), targets]


def complete(logits, tokens, limit, context):
    """Greedy continuation, to BOS, `limit` tokens or a full context; `logits` maps tokens."""
    out = []
    while len(out) < limit and len(tokens) + len(out) < context:
        token = int(np.argmax(logits(tokens + out)[-1]))
        if token == 1:
            break
        out.append(token)
    return out
