"""Short stories: a hero, somebody else, a place, and an arc."""
from . import arcs, words
from .arcs_more import MORE
from .dice import capital

PREPOSITION = {place: "at" for place in words.PLACES} | {place: "in" for place in words.INSIDE}
PREPOSITION |= {place: "on" for place in ("hill", "mountain", "island", "farm", "field", "bridge",
                                          "playground", "square")}
PREPOSITION["field"] = "in"
NAMES = ([(name, "she") for name in words.GIRLS] + [(name, "he") for name in words.BOYS])

FIRST = list(arcs.ARCS.values())
SECOND = list(MORE.values())
LONGEST = 850


def pronouns(he):
    return ("he", "him", "his") if he == "he" else ("she", "her", "her")


def someone(dice):
    """A name, the kind of being, and "he" or "she"."""
    sort = dice.below(10)
    if sort < 5:
        name, he = dice.pick(NAMES)
        return name, "boy" if he == "he" else "girl", he
    if sort < 9:
        name = dice.pick(words.PETS if dice.chance(60) else words.GIRLS + words.BOYS)
        he = dict(NAMES).get(name) or dice.pick(("he", "she"))
        return name, dice.pick(words.KINDS), he
    name, he = dice.pick(NAMES)
    kinds = [kind for kind in words.PEOPLE
             if kind not in (("queen", "princess") if he == "he" else ("king", "prince", "wizard"))]
    return name, dice.pick(kinds), he


def two(dice, choices):
    first = dice.pick(choices)
    while True:
        second = dice.pick(choices)
        if second != first:
            return first, second


def cast(dice):
    """Slots of the two beings; the other one has another name and kind."""
    name, kind, he = someone(dice)
    while True:
        other, other_kind, other_he = someone(dice)
        if other != name and (other_kind != kind or kind in ("boy", "girl")):
            break
    he, him, his = pronouns(he)
    mhe, mhim, mhis = pronouns(other_he)
    return {"n": name, "kind": kind, "he": he, "him": him, "his": his, "He": capital(he),
            "His": capital(his), "m": other, "mhe": mhe, "mhim": mhim, "mhis": mhis,
            "Mhe": capital(mhe), "mkind": f"a {dice.pick(words.TRAITS)} {other_kind}"}


def scene(dice):
    """Slots of the places and things."""
    place, place2 = two(dice, words.PLACES)
    trait, trait2 = two(dice, words.TRAITS)
    obj, obj2 = two(dice, words.OBJECTS)
    food, food2 = two(dice, words.FOODS)
    return {"the": f"the {place}", "at": f"{PREPOSITION[place]} the {place}",
            "the2": f"the {place2}", "trait": trait, "trait2": trait2, "obj": obj, "obj2": obj2,
            "food": food, "food2": food2, "colour": dice.pick(words.COLOURS),
            "look": dice.pick(words.LOOKS), "thing": dice.pick(words.OBJECTS),
            "animal": dice.pick(words.KINDS), "bad": dice.pick(words.BAD_FEELINGS),
            "feel": dice.pick(words.FEELINGS), "weather": dice.pick(words.WEATHER),
            "skill": dice.pick(words.SKILLS), "fear": dice.pick(words.FEARS),
            "sound": dice.pick(words.SOUNDS), "feast": dice.pick(words.GIFTS),
            "game": dice.pick(words.GAMES), "plant": dice.pick(words.PLANTS),
            "person": dice.pick(words.PEOPLE), "robot": dice.pick(words.ROBOTS)}


def tell(dice, parts, slots):
    """The text of some beats; of what empty choices leave, only single blanks remain."""
    text = " ".join(part.replace("DAY", arcs.DAY) for part in parts).replace("\n", " ")
    return " ".join(dice.expand(text, slots).split()).replace(" ,", ",")


def begin(dice, sorts):
    """The beats of a story's first arc, with how it begins."""
    return [arcs.BEGIN, *([arcs.HABIT] if dice.chance(60) else []), *dice.pick(sorts)]


def story(dice):
    """One story in one line, of one arc or two."""
    sorts = FIRST if dice.chance(50) else SECOND
    people, here = cast(dice), scene(dice)
    parts = begin(dice, sorts)
    if dice.chance(75):
        return tell(dice, [*parts, arcs.END], people | here)
    text = tell(dice, parts, people | here)
    text += " " + tell(dice, [*dice.pick(SECOND), arcs.END], people | scene(dice))
    return text if len(text) < LONGEST else story(dice)


def short_story(dice):
    """One of one arc."""
    return tell(dice, [*begin(dice, FIRST + SECOND), arcs.END], cast(dice) | scene(dice))
