# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Masks of numbers that somebody issues: cards, accounts, national identifiers. All keep the form of the original.

A mask is a function of one value (decoded by bson) and `draw` (see programs.py); it raises Unexpected.
Text and number forms of one identifier, and its spaced and unspaced forms, get the same pseudonym.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ansible_collections.stagesync.aws.plugins.module_utils.masking.programs import Unexpected

Opener = Callable[[Any], Any]

_SEPARATORS = " -.\u00a0\u2010\u2011\u2013"
# Card numbers that the networks and payment processors publish for tests, by the first digits of the network:
# https://docs.stripe.com/testing, https://docs.adyen.com/development-resources/test-cards-and-credentials
TEST_RANGES = (
    (r"4", "411111"),
    (r"5[1-5]", "555555"),
    (r"2[2-7]", "222300"),
    (r"3[47]", "378282"),
    (r"6(?:011|4[4-9]|5)", "601111"),
    (r"35", "356600"),
    (r"3[0689]", "305693"),
    (r"62", "620000"),
)
_OTHER_TEST_RANGE = "411111"
# The multiplication and permutation of Verhoeff's scheme: J. Verhoeff, "Error Detecting Decimal Codes", 1969.
_VERHOEFF_PRODUCT = (
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9),
    (1, 2, 3, 4, 0, 6, 7, 8, 9, 5),
    (2, 3, 4, 0, 1, 7, 8, 9, 5, 6),
    (3, 4, 0, 1, 2, 8, 9, 5, 6, 7),
    (4, 0, 1, 2, 3, 9, 5, 6, 7, 8),
    (5, 9, 8, 7, 6, 0, 4, 3, 2, 1),
    (6, 5, 9, 8, 7, 1, 0, 4, 3, 2),
    (7, 6, 5, 9, 8, 2, 1, 0, 4, 3),
    (8, 7, 6, 5, 9, 3, 2, 1, 0, 4),
    (9, 8, 7, 6, 5, 4, 3, 2, 1, 0),
)
_VERHOEFF_PLACE = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)
_VERHOEFF_INVERSE = (0, 4, 3, 2, 1, 5, 6, 7, 8, 9)


def whole_number(value: Any) -> int:
    """The whole number that an int, long, double or decimal holds; raises Unexpected for any other."""
    if hasattr(value, "to_decimal"):
        value = value.to_decimal()
        if not value.is_finite() or value.adjusted() > 40:
            raise Unexpected
    if isinstance(value, float) and not abs(value) < 2**53:
        raise Unexpected
    if isinstance(value, (str, bytes, bool)) or value != int(value):
        raise Unexpected
    return int(value)


def bits(original: int) -> int:
    """How many bits the magnitude of a BSON int (bson decodes it as int) or long (as Int64, an int too) has."""
    return 63 if type(original).__name__ == "Int64" else 31


def like(original: Any, number: Any) -> Any:
    """The number in the BSON type of the original; raises Unexpected where that cannot hold it."""
    if hasattr(original, "to_decimal"):
        return type(original)(str(number))
    if isinstance(original, float):
        return float(number)
    limit = 2 ** bits(original)
    if not -limit <= number < limit:
        raise Unexpected
    return type(original)(number)


def digits_of(value: Any, least: int, most: int) -> str:
    """The digits of text that holds only them and separators, or of a number; Unexpected for another count of them."""
    if isinstance(value, str):
        digits = "".join(character for character in value if character not in _SEPARATORS)
        if not digits.isascii() or not digits.isdigit():
            raise Unexpected
    else:
        digits = str(whole_number(value))
    if not (digits.isdigit() and least <= len(digits) <= most):
        raise Unexpected
    return digits


def written_like(value: Any, characters: str) -> Any:
    """The characters in the form of the original: its separators, or its type of number."""
    if not isinstance(value, str):
        return like(value, int(characters))
    rest = iter(characters)
    return "".join(character if character in _SEPARATORS else next(rest) for character in value)


def luhn_digit(digits: str) -> str:
    """The check digit of ISO/IEC 7812-1, annex B, that belongs after these digits."""
    total = 0
    for place, character in enumerate(reversed(digits)):
        number = int(character) * (1 if place % 2 else 2)
        total += number - 9 if number > 9 else number
    return str(-total % 10)


def verhoeff_digit(digits: str) -> str:
    """Verhoeff's check digit that belongs after these digits."""
    check = 0
    for place, character in enumerate(reversed(digits), 1):
        number = int(character)
        for _turn in range(place % 8):
            number = _VERHOEFF_PLACE[number]
        check = _VERHOEFF_PRODUCT[check][number]
    return str(_VERHOEFF_INVERSE[check])


def iban_check_digits(country: str, account: str) -> str:
    """The two check digits of ISO 13616 for a country and an account, both in upper case."""
    number = int("".join(str(int(character, 36)) for character in f"{account}{country}00"))
    return str(98 - number % 97).zfill(2)


def credit_card(keep_bin: bool) -> Callable[[Any, Opener], Any]:
    """Card numbers of 12 to 19 digits, with a check digit that is right."""

    def mask(value: Any, draw: Opener) -> Any:
        digits = digits_of(value, 12, 19)
        if keep_bin:
            first = digits[:6]
        else:
            first = next((test for form, test in TEST_RANGES if re.match(form, digits)), _OTHER_TEST_RANGE)
        body = first + draw(digits).digits(len(digits) - len(first) - 1)
        return written_like(value, body + luhn_digit(body))

    return mask


def iban(value: str, draw: Opener) -> str:
    """Account numbers of ISO 13616: the country and where letters and digits stand remain."""
    characters = "".join(character for character in value if character not in _SEPARATORS).upper()
    if not re.fullmatch(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}", characters):
        raise Unexpected
    stream = draw(characters)
    account = "".join(
        str(stream.below(10)) if character.isdigit() else chr(ord("A") + stream.below(26))
        for character in characters[4:]
    )
    country = characters[:2]
    return written_like(value, country + iban_check_digits(country, account) + account)


def aadhaar(value: Any, draw: Opener) -> Any:
    """Twelve digits that begin with 1 (or, in text, 0): UIDAI issues numbers from 2 to 9 only."""
    digits = digits_of(value, 12, 12)
    stream = draw(digits)
    first = str(stream.below(2))
    body = (first if isinstance(value, str) else "1") + stream.digits(10)
    return written_like(value, body + verhoeff_digit(body))


def pan(value: str, draw: Opener) -> str:
    """An Indian PAN: five letters, four digits, a letter; the fourth letter, the kind of holder, stays."""
    characters = "".join(character for character in value if character not in _SEPARATORS)
    if not re.fullmatch(r"[A-Za-z]{5}[0-9]{4}[A-Za-z]", characters):
        raise Unexpected
    stream = draw(characters.upper())
    letters = [chr(ord("A") + stream.below(26)) for _letter in range(5)]
    masked = "".join(letters[:3]) + characters[3] + letters[3] + str(1 + stream.below(9999)).zfill(4) + letters[4]
    return written_like(value, masked.lower() if characters.islower() else masked.upper())


def ssn(value: Any, draw: Opener) -> Any:
    """A United States social security number from area 900 to 999, group 40 to 49, which nobody issues."""
    digits = digits_of(value, 9, 9)
    stream = draw(digits)
    masked = f"{900 + stream.below(100)}{40 + stream.below(10)}{1 + stream.below(9999):04d}"
    return written_like(value, masked)
