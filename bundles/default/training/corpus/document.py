"""One document of the training text."""
from . import heldout, stories, system, world
from .dice import Dice


# The documents from this one on have shorter stories, so that greedy text comes to an end, more
# ways to ask about the system, and more of the world.
LATE = 150000


def ask_for_story(dice, tell):
    """A story that somebody asked for: by its hero's kind, by a name, or any."""
    text = tell(dice)
    found = heldout.WORD.findall(text)
    names = [word for word in found if word in heldout.NAMES]
    kinds = [word for word in found if word in heldout.NOUNS]
    about = dice.pick([f" about {names[0]}", f" about a {dice.pick(kinds)}" if kinds else "", ""])
    return dice.expand(f"[Tell me|Write|Please tell me] a [short |]story{about}.") + "\n" + text


def answers(dice, make):
    """Mostly one question with its answer, sometimes two."""
    return "\n".join("\n".join(make(dice)) for _ in range(2 if dice.chance(12) else 1))


def early(dice):
    sort = dice.below(100)
    if sort < 26:
        return stories.story(dice)
    if sort < 30:
        return ask_for_story(dice, stories.story)
    if sort < 64:
        return answers(dice, system.pair)
    if sort < 70:
        return system.passage(dice)
    return answers(dice, world.pair)


def late(dice):
    sort = dice.below(100)
    if sort < 20:
        return stories.short_story(dice)
    if sort < 25:
        return ask_for_story(dice, stories.short_story)
    if sort < 55:
        return answers(dice, system.late_pair)
    if sort < 59:
        return system.passage(dice)
    return answers(dice, world.pair)


def document(seed, index, held_out=False):
    """Document `index` of the text with this seed; with held-out combinations, or without."""
    dice, draft = Dice((seed << 40) + index), early if index < LATE else late
    while True:
        text = draft(dice)
        if bool(heldout.combinations(text)) == held_out:
            return text
