"""Byte-pair encoding in the form of llama2.c's tokenizer.bin; no pair crosses a word's end."""
import collections
import re
import struct

PIECE = re.compile(r" ?[A-Za-z]+| ?[^\sA-Za-z\d]+|\d|\s")
BOS = 1
FIRST_BYTE = 3
SPECIAL = [b"<unk>", b"\n<s>\n", b"\n</s>\n"] + [b"<0x%02X>" % byte for byte in range(256)]


def merge(symbols, pair):
    """The symbols with each occurrence of the pair joined, from the left."""
    out, index = [], 0
    while index < len(symbols):
        if symbols[index:index + 2] == pair:
            out.append(pair[0] + pair[1])
            index += 2
        else:
            out.append(symbols[index])
            index += 1
    return tuple(out)


def train(texts, size):
    """The `size` entries of a vocabulary, as (bytes, score), for the most frequent pairs."""
    words = collections.Counter(piece for text in texts for piece in PIECE.findall(" " + text))
    words = {tuple(word): count for word, count in words.items()}
    letters = [chr(code).encode() for code in range(0x20, 0x7F)]
    pieces = []
    while len(SPECIAL) + len(letters) + len(pieces) < size:
        pairs = collections.Counter()
        for word, count in words.items():
            for pair in zip(word, word[1:]):
                pairs[pair] += count
        # The text breaks ties, so that the result is the same everywhere.
        best = max(pairs, key=lambda pair: (pairs[pair], pair))
        pieces.append((best[0] + best[1]).encode())
        words = {merge(word, best) if best[0] in word else word: count
                 for word, count in words.items()}
    entries = [(piece, 0.0) for piece in SPECIAL]
    entries += [(piece, -float(index)) for index, piece in enumerate(pieces)]
    return entries + [(letter, -float(size)) for letter in letters]


def save(path, entries):
    with open(path, "wb") as file:
        file.write(struct.pack("<i", max(len(piece) for piece, _ in entries)))
        for piece, score in entries:
            file.write(struct.pack("<fi", score, len(piece)) + piece)


def load(path):
    data = open(path, "rb").read()
    entries, at = [], 4
    while at < len(data):
        score, length = struct.unpack_from("<fi", data, at)
        entries.append((data[at + 8:at + 8 + length], score))
        at += 8 + length
    return entries


class Tokenizer:
    """Encodes as llama2.c does, word by word."""

    def __init__(self, entries):
        self.entries = entries
        self.ids = {piece: number for number, (piece, _) in enumerate(entries)}
        self.words = {}

    def encode_piece(self, text):
        """Letters to entries or bytes; then, while there is one, the best pair is joined."""
        ids = []
        for letter in text:
            data = letter.encode()
            ids += [self.ids[data]] if data in self.ids else [FIRST_BYTE + byte for byte in data]
        while True:
            best = None
            for index, (left, right) in enumerate(zip(ids, ids[1:])):
                joined = self.ids.get(self.entries[left][0] + self.entries[right][0])
                if joined is not None and (best is None or self.entries[joined][1] > best[0]):
                    best = self.entries[joined][1], index, joined
            if best is None:
                return ids
            ids[best[1]:best[1] + 2] = [best[2]]

    def encode(self, text):
        """BOS and the tokens of a text."""
        ids = [BOS]
        for piece in PIECE.findall(" " + text):
            if piece not in self.words:
                self.words[piece] = self.encode_piece(piece)
            ids += self.words[piece]
        return ids

    def decode(self, ids):
        data = b"".join(bytes([token - FIRST_BYTE]) if FIRST_BYTE <= token < FIRST_BYTE + 256
                        else self.entries[token][0] for token in ids)
        return data.decode(errors="replace").removeprefix(" ")
