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


def draft(dice, bounds, story, pair):
    """A story, a story that was asked for, answers about the system, a passage about it, or answers
    about the world: below which of a hundred each of the first four ends is in `bounds`."""
    sort = dice.below(100)
    if sort < bounds[0]:
        return story(dice)
    if sort < bounds[1]:
        return ask_for_story(dice, story)
    if sort < bounds[2]:
        return answers(dice, pair)
    if sort < bounds[3]:
        return system.passage(dice)
    return answers(dice, world.pair)


EARLY_DRAFTS = (26, 30, 64, 70), stories.story, system.pair
LATE_DRAFTS = (20, 25, 55, 59), stories.short_story, system.late_pair


def document(seed, index, held_out=False):
    """Document `index` of the text with this seed; with held-out combinations, or without."""
    dice = Dice((seed << 40) + index)
    drafts = EARLY_DRAFTS if index < LATE else LATE_DRAFTS
    while True:
        text = draft(dice, *drafts)
        if bool(heldout.combinations(text)) == held_out:
            return text
