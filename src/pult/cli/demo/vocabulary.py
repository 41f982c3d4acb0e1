"""The words of the story: a vocabulary as skewed as a language, and the sentences that comments are made of.

Everything here is decided by one seed, so that every demo desk of a size says the same.
"""

from __future__ import annotations

import itertools
import random
import tomllib
from dataclasses import dataclass
from pathlib import Path

SEED = 20_261
WORDS = 8_000  # half Russian, half English, met as often as Zipf's law says
SENTENCES = 20_000  # of each language, in a great desk
SUBJECTS = 4_000  # of each language

# Invented names that stand in no other sentence, so that a search for them finds a known share of all comments.
COMMON = "Veloria"  # about 5 %
MEDIUM = "Kestrelo"  # about 0.1 %
RARE = "Quillon"  # about 0.002 %
COMMON_EVERY = 50  # sentences
MEDIUM_EVERY = 2_500

_TEXTS = tomllib.loads((Path(__file__).parent / "words.toml").read_text(encoding="utf-8"))
AGENTS: list[str] = _TEXTS["staff"]["agents"].split()
TAGS: list[str] = _TEXTS["tickets"]["tags"].split()
FIRST_NAMES: list[str] = _TEXTS["clients"]["first_names"].split()  # English and Russian in turns
LAST_NAMES: list[str] = _TEXTS["clients"]["last_names"].split()


@dataclass(frozen=True, slots=True)
class Language:
    real: list[str]
    stops: list[str]
    syllables: list[str]

    def vocabulary(self, dice: random.Random, size: int) -> list[str]:
        """`size` different words; the real ones first, since those are the ones most often met."""
        words = dict.fromkeys(self.real)
        while len(words) < size:
            words["".join(dice.choices(self.syllables, k=dice.choice((2, 3, 3, 4))))] = None
        return list(words)


def _language(texts: dict[str, str]) -> Language:
    return Language(texts["real"].split(), texts["stops"].split(), texts["syllables"].split())


RUSSIAN = _language(_TEXTS["russian"])
ENGLISH = _language(_TEXTS["english"])


def pool_size(tickets: int) -> int:
    """How many sentences of each language a desk of `tickets` tickets needs not to repeat itself."""
    return min(SENTENCES, max(MEDIUM_EVERY, tickets))


def sentences(size: int) -> list[str]:
    """The pool of comments: `size` Russian ones, as many English ones, then one of each with the rare word."""
    pool: list[str] = []
    for language in (RUSSIAN, ENGLISH):
        writer = _Writer(language, random.Random(f"{SEED} {language.real[0]}"))  # noqa: S311 - a story, not a secret
        pool += (writer.sentence(words=(10, 24), special=_special(number)) for number in range(size))
    return [*pool, f"Это была модель {RARE} и новая цепь.", f"It was the {RARE} with a new chain."]


def subjects() -> list[str]:
    """SUBJECTS Russian ones, then as many English ones."""
    dice = random.Random(f"{SEED} subjects")  # noqa: S311 - a story, not a secret
    every = []
    for language in ("russian", "english"):
        parts = (_TEXTS[language][f"subject_{part}"].split("|") for part in ("what", "which", "more"))
        every.append([f"{what}: {which}, {more}" for what, which, more in itertools.product(*parts)])
    return [subject for language in every for subject in dice.sample(language, SUBJECTS)]


def _special(number: int) -> str | None:
    if number % MEDIUM_EVERY == 11:
        return MEDIUM
    return COMMON if number % COMMON_EVERY == 7 else None


class _Writer:
    def __init__(self, language: Language, dice: random.Random) -> None:
        self.language = language
        self.dice = dice
        self.words = language.vocabulary(dice, WORDS // 2)
        self.heights = list(itertools.accumulate(1 / rank for rank in range(1, len(self.words) + 1)))

    def sentence(self, *, words: tuple[int, int], special: str | None = None) -> str:
        """A sentence of `words` (least, most) words.

        The last word is never one that the search drops: the positions of joined sentences' words follow from the last
        word that is kept.
        """
        dice = self.dice
        said = dice.choices(self.words, cum_weights=self.heights, k=dice.randint(*words) - 1)
        for place in range(1, len(said)):
            if dice.random() < 0.3:
                said[place] = dice.choice(self.language.stops)
        if special:
            said[dice.randrange(1, len(said))] = special
        elif dice.random() < 0.05:
            said[dice.randrange(1, len(said))] = str(dice.randint(10_000, 99_999))
        if len(said) > 9:
            said[len(said) // 2] += ","
        start = " ".join(said)
        return f"{start[:1].upper()}{start[1:]} {dice.choice(self.language.real)}{dice.choice('...!?')}"
