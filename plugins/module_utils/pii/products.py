# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Which findings in a clean copy are the masks' own work.

A mask whose products are told from real values by their range vouches for these alone. One whose products look like
real ones (names, phone numbers, accounts) is believed where the rules name it. Masks that leave what they were given,
or write what a human says, vouch for nothing but what other masks make.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.stagesync.aws.plugins.module_utils.masking.identifiers import TEST_RANGES
from ansible_collections.stagesync.aws.plugins.module_utils.masking.notation import KEY, STAR
from ansible_collections.stagesync.aws.plugins.module_utils.masking.rules import CollectionRules, FieldRule
from ansible_collections.stagesync.aws.plugins.module_utils.pii.detectors import DETECTORS

# What these masks give is not theirs.
_OPEN = frozenset({"keep", "text", "template", "expr", "constant", "choice"})

_EMAIL = re.compile(r"[0-9a-f]{20}@example\.com", re.IGNORECASE)
_EMAIL_TLD = re.compile(r"[0-9a-f]{20}@example\.[^.@\s]+", re.IGNORECASE)
_EMAIL_ANY = re.compile(r"[0-9a-f]{20}@\S+", re.IGNORECASE)
_PRIVATE, _DOCUMENTATION = ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("2001:db8::/32")


def _email(text: str, options: Mapping[str, Any]) -> bool:
    keep = options.get("keep", "none")
    form = {"tld": _EMAIL_TLD, "domain": _EMAIL_ANY}.get(keep, _EMAIL)
    return bool(form.fullmatch(text.strip()))


def _card(text: str, options: Mapping[str, Any]) -> bool:
    digits = re.sub(r"\D", "", text)
    return bool(options.get("keep_bin")) or any(digits.startswith(first) for _form, first in TEST_RANGES)


def _address(text: str, options: Mapping[str, Any]) -> bool:
    if options.get("keep") == "prefix":
        return True
    try:
        address = ipaddress.ip_address(text.strip())
    except ValueError:
        return False
    return address in (_PRIVATE if address.version == 4 else _DOCUMENTATION)


def _none(_text: str, _options: Mapping[str, Any]) -> bool:
    return False


def _url(text: str, _options: Mapping[str, Any]) -> bool:
    return text.startswith("https://example.com/")


# What a mask of one detector's own kind gives: anything else at its path went past it.
_RANGES = {
    ("email", "email"): _email,
    ("credit_card", "card"): _card,
    ("ipv4", "ipv4"): _address,
    ("ipv6", "ipv6"): _address,
    ("url", "url_token"): _url,
    # Their products are of ranges that the detectors know not to be issued.
    ("aadhaar", "aadhaar"): _none,
    ("ssn", "ssn"): _none,
}
# Nothing but these can make what has the form of these: they keep the form of the original.
_LIKE_ORIGINAL = frozenset({"digits", "format", "postal_code"})
_NEVER_MADE = frozenset({"email", "jwt", "api_key", "private_key", "url_token", "password_hash"})


class Products:
    """Tells for the values at one collection's paths what a finding there means."""

    def __init__(self, rules: CollectionRules | None) -> None:
        self._rules = rules
        self._named = {rule.mask: rule.options for rule in rules.fields} if rules else {}

    def rule(self, path: tuple[str, ...]) -> FieldRule | None:
        """Return the most specific rule that is at the path or above it."""
        best: FieldRule | None = None
        for rule in self._rules.fields if self._rules else ():
            if _covers(rule.path, path) and (best is None or _rank(rule) > _rank(best)):
                best = rule
        return best

    def explains(self, rule: FieldRule | None, detector: str, text: str) -> bool:
        """Whether a value, or a part of a text, that a detector found may be there."""
        if rule is None:
            return False
        if rule.mask == "keep":
            # A human's own word that what is personal here may stay.
            return bool(rule.options.get("personal"))
        if rule.mask not in _OPEN:
            known = _RANGES.get((rule.mask, detector))
            if known is not None:
                return known(text, rule.options)
            return detector not in _NEVER_MADE or rule.mask in _LIKE_ORIGINAL
        if rule.mask in ("template", "expr"):
            return self._of_others(detector, text)
        return False

    def _of_others(self, detector: str, text: str) -> bool:
        """Whether a mask of another field of the collection gives such values: a template puts them together."""
        for mask, options in self._named.items():
            if mask in _OPEN:
                continue
            known = _RANGES.get((mask, detector))
            if known is not None and known(text, options):
                return True
            if known is None and _gives(mask, detector):
                return True
        return False


def _gives(mask: str, detector: str) -> bool:
    kind = DETECTORS[detector].kind
    if mask in ("hash", "digits", "format"):
        return kind in ("phone", "national_id", "card", "iban", "account")
    return kind == mask or kind in ("first_name", "full_name") and mask in ("first_name", "last_name", "full_name")


def _covers(rule: tuple[str, ...], path: tuple[str, ...]) -> bool:
    """Whether a rule's path is the path or above it; the names of a map's fields are not among its values."""
    return len(rule) <= len(path) and all(
        one == other or one == STAR and other != KEY for one, other in zip(rule, path)
    )


def _rank(rule: FieldRule) -> tuple:
    """The longer path wins, then the one with a name where the other has `*`, from the left."""
    return (len(rule.path), tuple(segment != STAR for segment in rule.path))
