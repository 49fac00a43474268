"""Questions about the system, from system.txt."""
import dataclasses
import pathlib

from .dice import capital

ASK_ONE = ["What is %s", "What is %s", "what is %s", "Tell me about %s", "Explain %s",
           "What does %s do", "Describe %s", "What can you tell me about %s", "Do you know %s",
           "Can you explain what %s is", "What do you know about %s", "Define %s"]
ASKING = ("what", "which", "who", "where", "when", "why", "how", "is", "are", "can", "do", "does",
          "has", "in which", "on which", "whose", "must")


@dataclasses.dataclass
class Fact:
    """The ways to ask for it, the ways to say it, and what may be added."""
    questions: list
    more: list
    answers: list
    details: list
    topic: bool


def read(text):
    facts = []
    for line in text.splitlines():
        mark, rest = line[:1], line[2:]
        if mark == "@":
            facts.append(Fact([ask % rest for ask in ASK_ONE], [], [], [], True))
        elif mark == "?":
            facts.append(Fact(rest.split(" | "), [], [], [], False))
        elif mark == "&":
            facts[-1].more += rest.split(" | ")
        elif mark == "=":
            facts[-1].answers.append(rest)
        elif mark == "+":
            facts[-1].details.append(rest)
        elif mark not in ("", ";"):
            raise ValueError(f"system.txt: no such mark: {line}")
    return facts


FACTS = read((pathlib.Path(__file__).parent / "system.txt").read_text())
TOPICS = [fact for fact in FACTS if fact.topic]


def punctuate(dice, question):
    """A question mark or a full stop, which a hurried person forgets, as the capitals."""
    asks = question.lower().startswith(tuple(word + " " for word in ASKING))
    if dice.chance(6):
        question = question.lower()
    if dice.chance(12):
        question = question[:1].lower() + question[1:]
    return question if dice.chance(15) else question + ("?" if asks else ".")


def say(dice, fact):
    """An answer with some of its details, in their order."""
    details = [detail for detail in fact.details if dice.chance(45)]
    return " ".join([dice.pick(fact.answers), *details])


def pair(dice):
    """A question and its answer."""
    fact = dice.pick(FACTS)
    return punctuate(dice, dice.pick(fact.questions)), say(dice, fact)


def late_pair(dice):
    """The same, with the further questions."""
    fact = dice.pick(FACTS)
    return punctuate(dice, dice.pick(fact.questions + fact.more)), say(dice, fact)


def passage(dice):
    """Some sentences about one topic, and perhaps about another."""
    return " ".join(capital(say(dice, dice.pick(TOPICS))) for _ in range(1 + dice.below(2)))
