# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The mask of free text: what looks personal is replaced by a tag, the rest stays."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable

from ansible_collections.stagesync.aws.plugins.module_utils.masking.identifiers import (
    iban_check_digits,
    luhn_digit,
    verhoeff_digit,
)

# Each expression takes time that grows in step with the text: a match starts only where a word does, or what it repeats
# cannot begin what follows.
_WORD_START = r"(?<![^\W_])"
_WORD_END = r"(?![^\W_])"
_SEPARATOR = r"[ \t\u00a0\-.()/\u2010-\u2015]{0,3}"
# Of a URL the host alone says little.
_URL = re.compile(rf"{_WORD_START}(?i:https?|ftp|wss?)://[^\s/?#@<>\"']{{0,500}}[/?#@][^\s<>\"']+")
# An address without a top-level domain too.
_EMAIL = re.compile(r"(?<![^\s@<>()\[\],;:\"\\])[^\s@<>()\[\],;:\"\\]+@[^\W_](?:[\w.\-]*[^\W_])?")
# A JSON web token (RFC 7519), or a key in the form that its issuer documents.
_TOKEN = re.compile(
    rf"{_WORD_START}(?:eyJ[\w-]{{5,}}\.[\w-]+\.[\w-]*|(?:AKIA|ASIA)[A-Z0-9]{{16}}|gh[pousr]_[A-Za-z0-9]{{36,}}"
    r"|[sr]k_(?:live|test)_[A-Za-z0-9]{10,}|xox[abprs]-[A-Za-z0-9-]{10,})"
)
_TOKEN_MARKS = ("eyJ", "AKIA", "ASIA", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "k_live_", "k_test_", "xox")
_ACCOUNT = re.compile(rf"{_WORD_START}[A-Za-z]{{2}}[0-9]{{2}}(?:[ \-]?[A-Za-z0-9]){{11,30}}")
_IP = re.compile(
    r"(?<![\w.:])(?:(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?!\w|\.[0-9]|@)"
    r"|(?=[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:]*:)[0-9A-Fa-f:]{2,39}(?:(?:[0-9]{1,3}\.){3}[0-9]{1,3})?(?![\w:@]))"
)
# An Indian PAN: five letters, four digits, a letter.
_PAN = re.compile(rf"{_WORD_START}[A-Za-z]{{5}}[ \-]?[0-9]{{4}}[ \-]?[A-Za-z]{_WORD_END}")
# In groups or not, seven digits or more after a plus, eight without.
_NUMBER = re.compile(rf"\+[ (]{{0,2}}\d(?:{_SEPARATOR}\d){{6,}}|\(?\d(?:{_SEPARATOR}\d){{7,}}")
# What these find is cheap to look for, and most texts hold none of it.
_PAN_MARK = re.compile(rf"[0-9]{{4}}[ \-]?[A-Za-z]{_WORD_END}")
_TWO_NUMBERS, _TWO_COLONS = re.compile(r"[0-9]\.[0-9]"), re.compile(r":[0-9A-Fa-f]{0,4}:")
_ACCOUNT_MARK = re.compile(r"[0-9](?<=[A-Za-z]{2}[0-9])[0-9]")
_SEVEN_DIGITS = re.compile(rf"\d(?:{_SEPARATOR}\d){{6}}")


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    # Two colons alone are the address of nothing.
    return len(text) > 3


def _tag_of_number(found: re.Match) -> str:
    text = found.group()
    digits = "".join(str(int(character)) for character in text if character.isdecimal())
    if 13 <= len(digits) <= 19 and luhn_digit(digits[:-1]) == digits[-1]:
        return "[card]"
    if len(digits) == 12 and digits[0] in "23456789" and verhoeff_digit(digits[:-1]) == digits[-1]:
        return "[aadhaar]"
    # ITU-T E.164: 15 digits at most. Without a plus or a national prefix it may as well be another number.
    return "[phone]" if len(digits) <= 15 and text.lstrip("(").startswith(("+", "0")) else "[number]"


def _end_of_account(found: re.Match) -> int:
    """Where the longest text with right check digits ends that stands alone, or 0."""
    text = found.string
    for end in range(found.end(), found.start() + 14, -1):
        inside = end < len(text) and text[end].isalnum()
        if not inside and text[end - 1].isalnum():
            characters = re.sub(r"[ \-]", "", text[found.start() : end]).upper()
            if len(characters) >= 15 and iban_check_digits(characters[:2], characters[4:]) == characters[2:4]:
                return end
    return 0


def _without_accounts(text: str) -> str:
    parts, read, found = [], 0, _ACCOUNT.search(text)
    while found:
        end = _end_of_account(found)
        if end:
            parts += [text[read : found.start()], "[iban]"]
            read = end
        # Other text of this form is looked at again from its next word on.
        found = _ACCOUNT.search(text, end or found.start() + 1)
    return "".join([*parts, text[read:]])


def text(value: str, _draw: Callable) -> str:
    """The text with a tag, such as [email] or [number], in the place of what is found."""
    if "://" in value:
        value = _URL.sub("[url]", value)
    if "@" in value:
        value = _EMAIL.sub("[email]", value)
    if any(mark in value for mark in _TOKEN_MARKS):
        value = _TOKEN.sub("[token]", value)
    if _TWO_NUMBERS.search(value) or _TWO_COLONS.search(value):
        value = _IP.sub(lambda found: "[ip]" if _is_ip(found.group()) else found.group(), value)
    if _ACCOUNT_MARK.search(value):
        value = _without_accounts(value)
    if _PAN_MARK.search(value):
        value = _PAN.sub("[pan]", value)
    return _NUMBER.sub(_tag_of_number, value) if _SEVEN_DIGITS.search(value) else value
