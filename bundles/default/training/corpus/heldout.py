"""Combinations that no training text contains. What counts is the text, not how it was made."""
import re

from . import words

NAMES = frozenset(words.GIRLS + words.BOYS + words.PETS)
NOUNS = frozenset(words.OBJECTS + words.PLACES + words.KINDS)
SUM = re.compile(r"\b\d+ (?:plus|minus|times) \d+\b")
WORD = re.compile(r"[A-Za-z]+")


def fnv1a(text):
    value = 0x811C9DC5
    for byte in text.encode():
        value = (value ^ byte) * 0x01000193 & 0xFFFFFFFF
    return value ^ value >> 15


def is_held_out(name, noun):
    """One name and noun of 40 never meet."""
    return fnv1a(f"{name}|{noun}") % 40 == 0


def is_held_out_sum(text):
    """One sum of 12 is never shown."""
    return fnv1a(text) % 12 == 0


def combinations(text):
    """The held-out combinations in a text: pairs of a name and a noun, and sums."""
    found = set(WORD.findall(text))
    pairs = [(name, noun) for name in sorted(found & NAMES) for noun in sorted(found & NOUNS)]
    return ([f"{name} {noun}" for name, noun in pairs if is_held_out(name, noun)]
            + [text for text in SUM.findall(text) if is_held_out_sum(text)])
