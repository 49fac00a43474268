"""Questions about the world, made from tables; sums."""
from . import tables
from .dice import capital


def fields(line):
    name, rest = line.split(": ", 1)
    return [name, *rest.replace(", ", "; ").split("; ")] if "; " not in rest else [
        name, *rest.split("; ")]


ANIMALS = [fields(line) for line in tables.ANIMALS]
JOBS = [fields(line) for line in tables.JOBS]
THINGS = [fields(line) for line in tables.THINGS]
FOODS = [fields(line) for line in tables.FOODS]
CAPITALS = [line.split() for line in tables.CAPITALS]
OPPOSITES = [line.split() for line in tables.OPPOSITES]
PLURALS = [line.split() for line in tables.PLURALS]
PASTS = [line.split() for line in tables.PASTS]
SYNONYMS = [line.split() for line in tables.SYNONYMS]
SINGLES = [line.split("|") for line in tables.SINGLE]
PLACE = {"ice": "on the ice", "farm": "on a farm", "mountain": "in the mountains",
         "beach": "at the beach", "savanna": "in the savanna", "desert": "in the desert",
         "jungle": "in the jungle", "sea": "in the sea", "town": "in the town",
         "forest": "in the forest", "airport": "at an airport", "school": "in a school",
         "sea ": "at sea", "court": "in court", "road": "on the road",
         "building site": "on a building site"}


def where(place):
    return PLACE.get(place) or f"in a {place}"


def animal(dice):
    name, home, food, does, young = dice.pick(ANIMALS)
    return dice.pick([
        (f"Where does a {name} live?", f"[A {name} lives|It lives] {where(home)}."),
        (f"What does a {name} eat?", f"[A {name}|It] eats {food}."),
        (f"What does a {name} do?", f"A {name} {does}."),
        (f"What is a young {name} called?", f"A young {name} is called a {young}."),
        (f"What is a {name}?", f"A {name} is an animal that lives {where(home)} and eats {food}."),
        (f"Tell me about the {name}.", f"The {name} lives {where(home)}. It eats {food}."
                                       f" A young {name} is called a {young}.")])


def job(dice):
    name, does, place = dice.pick(JOBS)
    return dice.pick([
        (f"What does a {name} do?", f"A {name} {does}."),
        (f"Where does a {name} work?", f"A {name} works {where(place)}."),
        (f"What is a {name}?", f"A {name} is somebody who {does}."),
        (f"Who {does}?", f"A {name} {does}.")])


def thing(dice):
    name, use, made = dice.pick(THINGS)
    if name == "scissors":
        return dice.pick([("What are scissors for?", f"Scissors are for {use}."),
                          ("What are scissors made of?", f"Scissors are made of {made}.")])
    return dice.pick([
        (f"What is a {name} for?", f"A {name} is for {use}."),
        (f"What is a {name} made of?", f"A {name} is made of {made}."),
        (f"What is a {name}?", f"A {name} is a thing for {use}. It is made of {made}.")])


def food(dice):
    name, group, colour, taste = dice.pick(FOODS)
    return dice.pick([
        (f"What is a {name}?", f"A {name} is a {group}. It is {colour} and tastes {taste}."),
        (f"What colour is a {name}?", f"A {name} is {colour}."),
        (f"How does a {name} taste?", f"A {name} tastes {taste}."),
        (f"Is a {name} a [fruit|vegetable|nut]?", f"A {name} is a {group}.")])


def country(dice):
    name, city, continent = dice.pick(CAPITALS)
    return dice.pick([
        (f"What is the capital of {name}?", f"[The capital of {name} is {city}|{city} is the "
                                            f"capital of {name}]."),
        (f"Of which country is {city} the capital?", f"{city} is the capital of {name}."),
        (f"Where is {city}?", f"{city} is in {name}."),
        (f"Where is {name}?", f"{name} is in {continent}. Its capital is {city}.")])


def opposite(dice):
    pair = dice.pick(OPPOSITES)
    first, second = pair if dice.chance(50) else pair[::-1]
    return (f"What is the opposite of {first}?", f"The opposite of {first} is {second}.")


def language(dice):
    """Plurals, past tenses, words that mean the same."""
    sort = dice.below(3)
    first, second = dice.pick((PLURALS, PASTS, SYNONYMS)[sort])
    return ((f"What is the plural of {first}?", f"The plural of {first} is {second}."),
            (f"What is the past of {first}?", f"The past of {first} is {second}."),
            (f"Which word means the same as {first}?", f"{capital(second)} means the same as "
                                                       f"{first}."))[sort]


def compare(dice):
    """The next number, or the larger of two."""
    a, b = dice.below(100), dice.below(100)
    if a == b or dice.chance(40):
        return f"Which number comes after {a}?", f"{a + 1} comes after {a}."
    return f"Which is larger, {a} or {b}?", f"{max(a, b)} is larger than {min(a, b)}."


def order(dice):
    kind, names = dice.pick([("day", tables.DAYS), ("month", tables.MONTHS),
                             ("season", tables.SEASONS)])
    index = dice.below(len(names))
    name, after = names[index], names[(index + 1) % len(names)]
    return dice.pick([
        (f"Which {kind} comes after {name}?", f"{capital(after)} comes after {name}."),
        (f"Which {kind} comes before {after}?", f"{capital(name)} comes before {after}."),
        (f"What is {name}?", f"{capital(name)} is a {kind}.")])


def single(dice):
    return dice.pick(SINGLES)


def total(dice):
    """A sum, a difference or a product."""
    sort = dice.below(3)
    a, b = dice.below(21), dice.below(21)
    if sort == 2:
        a, b = a % 11, b % 11
    if sort == 1 and a < b:
        a, b = b, a
    sum_text = f"{a} {('plus', 'minus', 'times')[sort]} {b}"
    result = (a + b, a - b, a * b)[sort]
    return f"[What|How much] is {sum_text}?", f"{capital(sum_text)} is {result}."


SORTS = [animal] * 6 + [job] * 3 + [thing] * 3 + [food] * 2 + [country] * 4 + [opposite] * 3 + [
    language, language, language, compare, order, single, single, single] + [total] * 7


def pair(dice):
    """A question and its answer."""
    question, answer = dice.pick(SORTS)(dice)
    return dice.expand(question), dice.expand(answer)
