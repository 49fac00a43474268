"""The llama architecture in PyTorch, with the conventions of llama2.c's checkpoints."""
import dataclasses

import torch
from torch import nn
from torch.nn import functional


@dataclasses.dataclass
class Shape:
    """A llama2.c configuration; a query head's size is dim / heads."""
    dim: int = 128
    hidden: int = 384
    layers: int = 5
    heads: int = 4
    kv_heads: int = 2
    vocab: int = 2048
    context: int = 256


class Norm(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(dim))

    def forward(self, x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5) * self.weight


def rotation(shape):
    """Cosine and sine for each position and pair: (context, head size / 2)."""
    size = shape.dim // shape.heads
    frequency = 10000.0 ** (-torch.arange(0, size, 2).float() / size)
    angle = torch.outer(torch.arange(shape.context).float(), frequency)
    return angle.cos(), angle.sin()


def rotate(x, cos, sin):
    """Turns neighbouring pairs of x: (batch, position, head, head size)."""
    even, odd = x[..., 0::2], x[..., 1::2]
    cos, sin = cos[: x.shape[1], None], sin[: x.shape[1], None]
    return torch.stack((even * cos - odd * sin, even * sin + odd * cos), -1).flatten(-2)


class Layer(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.shape = shape
        kv_dim = shape.dim // shape.heads * shape.kv_heads
        self.attention_norm = Norm(shape.dim)
        self.wq = nn.Linear(shape.dim, shape.dim, bias=False)
        self.wk = nn.Linear(shape.dim, kv_dim, bias=False)
        self.wv = nn.Linear(shape.dim, kv_dim, bias=False)
        self.wo = nn.Linear(shape.dim, shape.dim, bias=False)
        self.ffn_norm = Norm(shape.dim)
        self.w1 = nn.Linear(shape.dim, shape.hidden, bias=False)
        self.w2 = nn.Linear(shape.hidden, shape.dim, bias=False)
        self.w3 = nn.Linear(shape.dim, shape.hidden, bias=False)

    def heads(self, x, count):
        return x.view(*x.shape[:2], count, self.shape.dim // self.shape.heads)

    def attend(self, x, cos, sin, mask):
        shape = self.shape
        q = rotate(self.heads(self.wq(x), shape.heads), cos, sin)
        k = rotate(self.heads(self.wk(x), shape.kv_heads), cos, sin)
        v = self.heads(self.wv(x), shape.kv_heads)
        group = shape.heads // shape.kv_heads
        k, v = k.repeat_interleave(group, 2), v.repeat_interleave(group, 2)
        q, k, v = q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2)
        score = torch.matmul(q * q.shape[-1] ** -0.5, k.transpose(2, 3)) + mask
        out = torch.matmul(functional.softmax(score, -1), v)
        return self.wo(out.transpose(1, 2).reshape(x.shape))

    def forward(self, x, cos, sin, mask):
        x = x + self.attend(self.attention_norm(x), cos, sin, mask)
        y = self.ffn_norm(x)
        return x + self.w2(functional.silu(self.w1(y)) * self.w3(y))


class Llama(nn.Module):
    """Tokens (batch, position) to logits (batch, position, vocab); the output is the embedding."""

    def __init__(self, shape):
        super().__init__()
        self.shape = shape
        self.embedding = nn.Embedding(shape.vocab, shape.dim)
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.layers))
        self.norm = Norm(shape.dim)
        for name, weight in self.named_parameters():
            if weight.dim() == 2:
                deep = name.endswith(("wo.weight", "w2.weight"))
                nn.init.normal_(weight, 0, 0.04 / ((2 * shape.layers) ** 0.5 if deep else 1))
        self.cos, self.sin = rotation(shape)
        self.mask = torch.full((shape.context, shape.context), float("-inf")).triu(1)

    def forward(self, tokens):
        length = tokens.shape[1]
        x = self.embedding(tokens)
        for layer in self.layers:
            x = layer(x, self.cos, self.sin, self.mask[:length, :length])
        return functional.linear(self.norm(x), self.embedding.weight)
