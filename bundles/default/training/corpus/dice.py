"""Chance that is the same for ever, and templates that it expands."""
import re

MASK = (1 << 64) - 1
CHOICE = re.compile(r"\[([^][]*)\]")
SLOT = re.compile(r"\{(\w+)\}")
ARTICLE = re.compile(r"\b([Aa]) (?=[aeioAEIO]|u(?!ni|se)|hour|honest)")


class Dice:
    """splitmix64; Python's own generators may change between versions."""

    def __init__(self, seed):
        self.state = seed & MASK

    def next(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        x = self.state
        x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
        return x ^ (x >> 31)

    def below(self, limit):
        return self.next() % limit

    def pick(self, choices):
        return choices[self.below(len(choices))]

    def chance(self, percent):
        return self.below(100) < percent

    def expand(self, template, slots=None):
        """Takes one of each [a|b], innermost first, fills {slots}, and mends "a" before vowels."""
        while "[" in template:
            template = CHOICE.sub(lambda m: self.pick(m.group(1).split("|")), template)
        if slots:
            template = SLOT.sub(lambda m: slots[m.group(1)], template)
        return ARTICLE.sub(r"\1n ", template)


def capital(text):
    return text[:1].upper() + text[1:]
