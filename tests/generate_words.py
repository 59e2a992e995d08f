"""Writes the word lists that pseudonyms are made of, from the pinned Faker: `python tests/generate_words.py`."""

from __future__ import annotations

import textwrap
from pathlib import Path

from faker import Faker

TARGET = Path(__file__).resolve().parent.parent / "plugins" / "module_utils" / "masking" / "words.py"
LOCALES = ("en_IN", "en_US", "en_GB", "de_DE", "fr_FR", "es_ES")
SEED = 20260101
DRAWS = 4_000
# Name of the list, Faker's method, how many words at most, whether a word may hold a space.
LISTS = (
    ("first_names", "first_name", 240, False),
    ("last_names", "last_name", 300, False),
    ("cities", "city", 120, True),
    ("streets", "street_name", 160, True),
    ("companies", "company", 120, True),
)
# How an address line is written: the part before the house number, after it, and whether the street comes first.
NUMBERS = {
    "en_IN": ("", ", ", False),
    "en_US": ("", " ", False),
    "en_GB": ("", " ", False),
    "de_DE": (" ", "", True),
    "fr_FR": ("", ", ", False),
    "es_ES": (", ", "", True),
}

HEAD = '''# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Words that pseudonyms are made of, by locale. Written by tests/generate_words.py from Faker's data: do not edit."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Words:
    """The lists of one locale; `house_number` is (before the number, after it, whether the street comes first)."""

    first_names: tuple[str, ...]
    last_names: tuple[str, ...]
    cities: tuple[str, ...]
    streets: tuple[str, ...]
    companies: tuple[str, ...]
    house_number: tuple[str, str, bool]


def _split(text: str) -> tuple[str, ...]:
    return tuple(" ".join(word.split()) for word in text.split("|"))


'''


def words(faker: Faker, method: str, most: int, spaces: bool) -> list[str]:
    """So many different words of one kind, in order of the alphabet."""
    found: dict[str, None] = {}
    for _turn in range(DRAWS):
        word = getattr(faker, method)()
        if len(found) < most and "|" not in word and (spaces or " " not in word) and "\n" not in word:
            found[word] = None
    return sorted(found)


def block(name: str, items: list[str]) -> str:
    """One list as an argument, wrapped at the width of the code."""
    # ansible-test takes no typographic quotes.
    lines = textwrap.wrap(" | ".join(items).replace("\u2019", "'"), 108, break_long_words=False, break_on_hyphens=False)
    text = "\n            ".join(lines)
    return f'        {name}=_split(\n            """\n            {text}\n            """\n        ),\n'


def generate() -> str:
    """The whole module."""
    parts = [HEAD, "WORDS: dict[str, Words] = {\n"]
    for locale in LOCALES:
        parts.append(f'    "{locale}": Words(\n')
        for name, method, most, spaces in LISTS:
            # A generator of its own for each list, so that a change of one leaves the others as they are.
            faker = Faker(locale)
            faker.seed_instance(SEED)
            items = words(faker, method, most, spaces)
            parts.append(block(name, items))
        before, after, first = NUMBERS[locale]
        parts.append(f'        house_number=("{before}", "{after}", {first}),\n    ),\n')
    parts.append("}\nLOCALES = tuple(WORDS)\n")
    return "".join(parts)


if __name__ == "__main__":
    TARGET.write_text(generate(), encoding="utf-8")
