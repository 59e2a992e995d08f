# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What one value is. Cheap looks come first: most values hold none of the characters that any detector needs."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import json
import re
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any

from ansible_collections.stagesync.aws.plugins.module_utils.pii import vocabulary

PHONE_IMPORT_ERROR = STDNUM_IMPORT_ERROR = None
try:
    import phonenumbers
except ImportError:
    PHONE_IMPORT_ERROR = traceback.format_exc()
try:
    from stdnum import iban, luhn
except ImportError:
    STDNUM_IMPORT_ERROR = traceback.format_exc()


@dataclass(frozen=True)
class Detector:
    """`kind` says which masks suit it. Its hits are strong, or weak: then only many at one path tell."""

    name: str
    kind: str
    summary: str


@dataclass(frozen=True)
class Hit:
    """`strong`: a value that is none would hardly look so by chance."""

    detector: str
    strong: bool


@dataclass(frozen=True)
class Span:
    """Where in a text something was found."""

    start: int
    end: int
    detector: str


# Regions whose national way of writing a phone number is known without a country code.
REGIONS = ("IN", "US", "GB", "DE", "FR", "ES", "IT", "BR")

# ---- national identifiers: name, module of python-stdnum, form, whether the form alone is telling --------------------

_NATIONAL = (
    ("aadhaar", "in_.aadhaar", r"[2-9]\d{3} \d{4} \d{4}|[2-9]\d{3}-\d{4}-\d{4}", True),
    ("aadhaar", "in_.aadhaar", r"[2-9]\d{11}", False),
    ("pan", "in_.pan", r"[A-Z]{3}[ABCFGHJKLPT][A-Z]\d{4}[A-Z]", True),
    ("gstin", "in_.gstin", r"[0-3]\d[A-Z]{5}\d{4}[A-Z][1-9A-Z]Z[0-9A-Z]", True),
    ("ssn", "us.ssn", r"\d{3}-\d{2}-\d{4}", True),
    ("cpf", "br.cpf", r"\d{3}\.\d{3}\.\d{3}-\d{2}", True),
    ("cpf", "br.cpf", r"\d{11}", False),
    ("codice_fiscale", "it.codicefiscale", r"[A-Z]{6}\d[0-9LMNPQRSTUV][A-Z]\d[0-9LMNPQRSTUV][A-Z]\d{3}[A-Z]", True),
    ("dni", "es.dni", r"\d{8}-?[A-Z]", True),
    ("nie", "es.nie", r"[XYZ]-?\d{7}-?[A-Z]", True),
    ("nir", "fr.nir", r"[12] ?\d{2} ?\d{2} ?\d[\dAB] ?\d{3} ?\d{3} ?\d{2}", True),
    ("de_tax_id", "de.idnr", r"\d{2} \d{3} \d{3} \d{3}", True),
    ("de_tax_id", "de.idnr", r"[1-9]\d{10}", False),
    ("bsn", "nl.bsn", r"\d{4}\.\d{2}\.\d{3}", True),
    ("bsn", "nl.bsn", r"\d{9}", False),
    ("be_national_number", "be.nn", r"\d{2}\.\d{2}\.\d{2}-\d{3}\.\d{2}", True),
    ("be_national_number", "be.nn", r"\d{11}", False),
    ("pesel", "pl.pesel", r"\d{11}", False),
    ("personnummer", "se.personnummer", r"(?:\d{2})?\d{6}[-+]\d{4}", True),
    ("hetu", "fi.hetu", r"\d{6}[-+A-FU-Y]\d{3}[0-9A-Z]", True),
    ("cnp", "ro.cnp", r"[1-9]\d{12}", False),
    ("rodne_cislo", "cz.rc", r"\d{6}/\d{3,4}", True),
    ("oib", "hr.oib", r"\d{11}", False),
    ("isikukood", "ee.ik", r"[1-6]\d{10}", False),
    ("pps", "ie.pps", r"\d{7}[A-W][A-IW]?", True),
    ("ahv", "ch.ssn", r"756\.\d{4}\.\d{4}\.\d{2}", True),
    ("ahv", "ch.ssn", r"756\d{10}", True),
    ("svnr", "at.vnr", r"[1-9]\d{3} \d{6}", True),
    ("nhs_number", "gb.nhs", r"\d{3} \d{3} \d{4}", False),
    ("nino", None, r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D]", True),
)

_SUMMARIES = {
    "aadhaar": "Aadhaar numbers of India (Verhoeff digit)",
    "pan": "permanent account numbers of India (form)",
    "gstin": "GST numbers of India, which hold a PAN (check digit)",
    "ssn": "social security numbers of the United States (form, ranges that are issued)",
    "cpf": "CPF numbers of Brazil (check digits)",
    "codice_fiscale": "fiscal codes of Italy (check letter)",
    "dni": "DNI of Spain (check letter)",
    "nie": "NIE of Spain (check letter)",
    "nir": "social security numbers of France (check digits)",
    "de_tax_id": "tax identification numbers of Germany (check digit)",
    "bsn": "citizen service numbers of the Netherlands (check digit)",
    "be_national_number": "national numbers of Belgium (check digits)",
    "pesel": "PESEL numbers of Poland (check digit, date)",
    "personnummer": "personal numbers of Sweden (check digit, date)",
    "hetu": "personal identity codes of Finland (check character, date)",
    "cnp": "CNP numbers of Romania (check digit, date)",
    "rodne_cislo": "birth numbers of Czechia and Slovakia (check digit, date)",
    "oib": "personal identification numbers of Croatia (check digit)",
    "isikukood": "personal codes of Estonia (check digit, date)",
    "pps": "PPS numbers of Ireland (check letter)",
    "ahv": "AHV numbers of Switzerland (check digit)",
    "svnr": "social insurance numbers of Austria (check digit)",
    "nhs_number": "NHS numbers of England (check digit)",
    "nino": "national insurance numbers of the United Kingdom (form)",
}
_KIND_OF_NATIONAL = {"aadhaar": "aadhaar", "pan": "pan", "ssn": "ssn"}

DETECTORS = {
    found.name: found
    for found in (
        Detector("email", "email", "e-mail addresses"),
        Detector("upi", "account", "UPI payment addresses of India"),
        Detector("phone", "phone", "phone numbers (of any country, by the library phonenumbers)"),
        Detector("card", "card", "payment cards (Luhn digit and issuer's range)"),
        Detector("iban", "iban", "bank accounts (check digits and country's form)"),
        *(Detector(name, _KIND_OF_NATIONAL.get(name, "national_id"), summary) for name, summary in _SUMMARIES.items()),
        Detector("ipv4", "ipv4", "IPv4 addresses"),
        Detector("ipv6", "ipv6", "IPv6 addresses"),
        Detector("mac", "device", "hardware addresses of network devices"),
        Detector("url_token", "url", "URLs that carry a token, a key or a password"),
        Detector("jwt", "secret", "JSON web tokens"),
        Detector("api_key", "secret", "keys of AWS, Google, GitHub, GitLab, Slack, Stripe and others"),
        Detector("private_key", "secret", "private keys in PEM"),
        Detector("password_hash", "secret", "hashed passwords (bcrypt, argon2, crypt, PBKDF2)"),
        Detector("full_name", "full_name", "two to four words of which at least two are names of people"),
        Detector("name", "first_name", "single words that are names of people"),
        Detector("street", "street", "street addresses by their words"),
        Detector("geo", "geo", "GeoJSON points and pairs of coordinates as text"),
    )
}

# ---- forms ----------------------------------------------------------------------------------------------------------

_EMAIL = re.compile(
    r"[^\W_](?:[\w.%+'&=/-]{0,62}[\w+-])?@(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)+(?:[^\W\d_]{2,63}|xn--[a-z0-9-]{2,59})",
    re.UNICODE,
)
_UPI = re.compile(r"[a-zA-Z0-9][\w.-]{1,254}@[a-zA-Z]{3,20}")
_IPV4 = re.compile(
    r"(?<![\w.])(?<![A-Za-z]/)(?<!rv:)(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![\w]|\.\d)"
)
_IPV6 = re.compile(r"(?<![\w:.])(?:[0-9A-Fa-f]{0,4}:){2,7}(?:[0-9A-Fa-f]{1,4}|(?:\d{1,3}\.){3}\d{1,3})?(?![\w:])")
_MAC = re.compile(r"(?<![\w:-])[0-9A-Fa-f]{2}([:-])(?:[0-9A-Fa-f]{2}\1){4}[0-9A-Fa-f]{2}(?![\w:-])")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{1,20}://[^\s\"'<>]+")
_URL_PARAMETER = re.compile(
    r"[?&#;](?:[\w.-]*(?:token|secret|signature|passw|api[_-]?key|session|credential|auth)[\w.-]*"
    r"|(?:reset|invite|verification|access|login)[_-]?code|key|sig|code|otp|pwd|jwt|sid)"
    r"=([^&#\s]{6,})",
    re.IGNORECASE,
)
_URL_USER = re.compile(r"://[^/\s:@]*:[^/\s@]+@")
_JWT = re.compile(r"(?<![\w-])(eyJ[A-Za-z0-9_-]{8,})\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*")
_API_KEY = re.compile(
    r"(?<![A-Za-z0-9])(?:(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}|AIza[0-9A-Za-z_-]{35}|ya29\.[0-9A-Za-z_-]{20,}"
    r"|xox[abeoprs]-[0-9A-Za-z-]{10,}|xapp-\d-[0-9A-Za-z-]{20,}|https://hooks\.slack\.com/services/[A-Za-z0-9/]{20,}"
    r"|gh[oprsu]_[0-9A-Za-z]{36,255}|github_pat_[0-9A-Za-z_]{22,255}|glpat-[0-9A-Za-z_-]{20,}"
    r"|[prs]k_(?:live|test)_[0-9A-Za-z]{16,}|whsec_[0-9A-Za-z+/]{24,}|sk-(?:proj-|ant-[a-z0-9]+-)?[0-9A-Za-z_-]{32,}"
    r"|SG\.[0-9A-Za-z_-]{22}\.[0-9A-Za-z_-]{43}|(?:SK|AC)[0-9a-f]{32}|npm_[0-9A-Za-z]{36}|pypi-AgE[0-9A-Za-z_-]{50,}"
    r"|rzp_(?:live|test)_[0-9A-Za-z]{14}|dop_v1_[0-9a-f]{64}|hf_[A-Za-z]{34}|shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}"
    r"|\d{8,10}:AA[0-9A-Za-z_-]{33}|key-[0-9a-f]{32}|AccountKey=[0-9A-Za-z+/]{40,}={0,2})(?![A-Za-z0-9])"
)
_PRIVATE_KEY = re.compile(r"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----")
_PASSWORD_HASH = re.compile(
    r"\$2[abxy]?\$\d{2}\$[./A-Za-z0-9]{20,53}|\$argon2(?:id|i|d)\$\S{20,}|\$[156y]\$\S{8,}|pbkdf2[_:-]sha\d+[$:]\d+[$:]\S{16,}"
    r"|\$pbkdf2-sha\d+\$\S{16,}|\$?scrypt[$:]\S{20,}|\{(?:SSHA|SHA|SMD5)\d*\}[A-Za-z0-9+/=]{20,}"
)
# Whatever can be found inside a text holds one of these.
_SUSPECT = re.compile(r"[@\d$_{]|://|-----|eyJ|AccountKey")
# A digit, at least five more among separators, and no word around them.
_NUMBER = re.compile(r"(?<![\w.,@#=&?/-])(?:\+|00)?\(?\+?\d(?:[ ().\-/\u2011\u00a0]{0,3}\d){5,21}(?![\w@])")
_DATE = re.compile(
    r"(?:19|20)\d\d([-/.]?)(?:0[1-9]|1[0-2])\1(?:0[1-9]|[12]\d|3[01])(?:[T ]\d{2}.*)?"
    r"|(?:0?[1-9]|[12]\d|3[01])([-/.])(?:0?[1-9]|1[0-2])\2(?:19|20)\d\d"
    r"|(?:0?[1-9]|1[0-2])/(?:0?[1-9]|[12]\d|3[01])/(?:19|20)\d\d"
)
_DATE_AHEAD = re.compile(r"(?:19|20)\d\d([-/.])\d\d\1\d\d(?!\d)")
_CARD = re.compile(r"\d{12,19}|\d{4}([ -])\d{4}\1\d{4}\1\d{1,7}|\d{4}([ -])\d{6}\2\d{4,5}")
_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![A-Za-z0-9])")
_GEO_TEXT = re.compile(r"\(?-?(?:90|[0-8]?\d)\.\d{3,}\s?[,;]\s?-?(?:180|1[0-7]\d|\d?\d)\.\d{3,}\)?")
# Most digits are a valid number of some region: without separators only a word before them tells.
_CALL = re.compile(
    r"\b(?:call|phone|tel|mobile|whatsapp|contact|reach|ring|sms|dial|fax|handy|telefon|anruf|appelez|llam|ligue)",
    re.IGNORECASE,
)
_GROUPED = re.compile(r"\d[ ().\-/\u2011\u00a0]+\d")
_WORDS = re.compile(r"[^\W\d_][^\W\d_.'\u2019-]*(?:[.'\u2019-][^\W\d_]+)*\.?", re.UNICODE)
_IDENTIFIER = re.compile(r"(?<![A-Za-z0-9])[0-9A-Z][0-9A-Z./+ -]{6,20}[0-9A-Z](?![A-Za-z0-9])")

# Issuers' ranges: first digits from, to (as many digits), lengths.
_ISSUERS = (
    ("4", "4", (13, 16, 19)),
    ("51", "55", (16,)),
    ("2221", "2720", (16,)),
    ("34", "34", (15,)),
    ("37", "37", (15,)),
    ("6011", "6011", (16, 19)),
    ("644", "659", (16, 19)),
    ("3528", "3589", (16, 19)),
    ("300", "305", (14,)),
    ("36", "36", (14,)),
    ("38", "39", (14,)),
    ("62", "62", (16, 17, 18, 19)),
    ("60", "60", (16,)),
    ("81", "82", (16,)),
    ("508", "508", (16,)),
    ("56", "58", (12, 13, 14, 15, 16, 17, 18, 19)),
    ("1800", "1800", (15,)),
    ("2131", "2131", (15,)),
    ("5018", "5018", (12, 13, 14, 15, 16, 17, 18, 19)),
    ("5020", "5020", (12, 13, 14, 15, 16, 17, 18, 19)),
    ("5038", "5038", (12, 13, 14, 15, 16, 17, 18, 19)),
    ("6304", "6304", (12, 13, 14, 15, 16, 17, 18, 19)),
    ("6759", "6763", (12, 13, 14, 15, 16, 17, 18, 19)),
)


def _is_card(digits: str) -> bool:
    if not (12 <= len(digits) <= 19 and digits.isascii()) or digits.count(digits[0]) == len(digits):
        return False
    known = any(low <= digits[: len(low)] <= high and len(digits) in lengths for low, high, lengths in _ISSUERS)
    return known and luhn.is_valid(digits)


def _is_jwt(header: str) -> bool:
    try:
        return "alg" in json.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)))
    except (ValueError, binascii.Error, TypeError):
        return False


def _is_ipv6(text: str) -> bool:
    # A time of day or a MAC address has colons too.
    if "::" not in text and text.count(":") != 7 and "." not in text:
        return False
    try:
        return int(ipaddress.IPv6Address(text)) > 1
    except ValueError:
        return False


def _is_ipv4(text: str) -> bool | None:
    """Whether it is an address; None for a private one that may as well be a version."""
    numbers = [int(part) for part in text.split(".")]
    if numbers[0] in (0, 127) or text == "255.255.255.255":
        return False
    if max(numbers) > 20:
        return True
    return None if numbers[0] == 10 else False


def is_region(region: str) -> bool:
    """Whether the phone library knows the region, written as two capital letters."""
    return region in phonenumbers.SUPPORTED_REGIONS


def _national_checks() -> tuple:
    found = []
    for name, module, form, telling in _NATIONAL:
        valid = (lambda _text: True) if module is None else import_module(f"stdnum.{module}").is_valid
        found.append((name, re.compile(form, re.ASCII), valid, telling))
    return tuple(found)


class Detectors:
    """The detectors with the regions of their national phone numbers, and the recent values' results at hand."""

    def __init__(self, regions: tuple[str, ...] = REGIONS) -> None:
        # The phone library compiles its patterns anew whenever Python has forgotten them, which it does after 512: less
        # than the world's regions have.
        if hasattr(re, "_MAXCACHE"):
            re._MAXCACHE = max(re._MAXCACHE, 5000)
        self._regions = regions
        checks = _national_checks()
        # Most values can be none of them by their first character.
        self._lettered = [entry for entry in checks if re.match(r"\[[A-Z]", entry[1].pattern)]
        self._numbered = [entry for entry in checks if not re.match(r"\[[A-Z]", entry[1].pattern)]
        self._known: dict[str, tuple] = {}
        self._people = vocabulary.People()

    def whole(self, value: Any) -> tuple[Hit, ...]:
        """Return everything that a whole decoded value may be; nothing for types that hold no text or digits."""
        if isinstance(value, str):
            if not 2 <= len(value) <= 4096:
                return ()
            found = self._known.get(value)
            if found is None:
                found = self._text(value.strip())
                if len(self._known) >= _REMEMBERED:
                    self._known.clear()
                if len(value) <= 128:
                    self._known[value] = found
            return found
        if isinstance(value, int) and not isinstance(value, bool) and value >= 10**8:
            return self._bare(str(value))
        if isinstance(value, dict) and _is_point(value):
            return (_GEO,)
        return ()

    def _text(self, text: str) -> tuple[Hit, ...]:
        hits: list[Hit] = []
        first = text[:1]
        if "@" in text:
            if _EMAIL.fullmatch(text):
                return (_STRONG["email"],)
            if _UPI.fullmatch(text):
                return (_STRONG["upi"],)
        if len(text) >= 15:
            secret = _secret(text)
            if secret is not None:
                return (secret,)
        if first.isdigit() or first in "+(-":
            hits += self._digits(text)
        if ":" in text or "." in text:
            hits += _address(text)
        if not hits and "A" <= first.upper() <= "Z" and len(text) <= 40:
            hits += self._identifier(text)
        if not hits and first.isalnum():
            hits += self._words(text)
        return tuple(hits)

    def _identifier(self, text: str) -> list[Hit]:
        hits = []
        if "A" <= text[0] <= "Z" and len(text) >= 15 and _IBAN.fullmatch(text) and iban.is_valid(text):
            return [_STRONG["iban"]]
        upper = text.upper()
        for name, form, valid, telling in self._numbered if text[:1].isdigit() else self._lettered:
            if form.fullmatch(upper) and valid(upper):
                hits.append((_STRONG if telling else _WEAK)[name])
        return hits

    def _digits(self, text: str) -> list[Hit]:
        """What a value that starts like a number may be: card, national number, phone, coordinates."""
        if len(text) > 40 or _DATE.fullmatch(text) or _IPV4.fullmatch(text):
            return []
        if text.isdigit() and text.isascii():
            return list(self._bare(text))
        if _GEO_TEXT.fullmatch(text):
            return [_GEO]
        hits = self._identifier(text)
        if _CARD.fullmatch(text) and _is_card(re.sub(r"\D", "", text)):
            hits.append(_STRONG["card"])
        if not hits and _NUMBER.fullmatch(text):
            phone = self._phone(text)
            if phone is not None:
                hits.append(phone)
        return hits

    def _bare(self, digits: str) -> tuple[Hit, ...]:
        hits = [
            (_STRONG if telling else _WEAK)[name]
            for name, form, valid, telling in self._numbered
            if form.fullmatch(digits) and valid(digits)
        ]
        if _is_card(digits):
            hits.append(_WEAK["card"])
        if digits.startswith("00") and 10 <= len(digits) <= 17:
            phone = self._phone(digits)
            if phone is not None:
                hits.append(phone)
        return tuple(hits)

    def _phone(self, text: str) -> Hit | None:
        """A number with its country code is strong; one in a region's own way of writing is weak."""
        plain = text.replace("\u2011", "-").replace("\u00a0", " ")
        plain = "+" + plain[2:] if plain.startswith("00") else plain
        if plain.startswith(("+", "(+")):
            try:
                number = phonenumbers.parse(plain, None)
            except phonenumbers.NumberParseException:
                return None
            if phonenumbers.is_valid_number(number):
                return _STRONG["phone"]
            return _WEAK["phone"] if phonenumbers.is_possible_number(number) else None
        digits = sum(character.isdigit() for character in plain)
        if not 8 <= digits <= 12 or "." in plain and plain.count(".") < 2 or not _GROUPED.search(plain):
            return None
        return _WEAK["phone"] if self._is_valid_phone(plain, self._regions) else None

    @staticmethod
    def _is_valid_phone(text: str, regions: tuple) -> bool:
        for region in regions:
            try:
                if phonenumbers.is_valid_number(phonenumbers.parse(text, region)):
                    return True
            except phonenumbers.NumberParseException:
                continue
        return False

    def _words(self, text: str) -> list[Hit]:
        if len(text) > 100:
            return []
        if text[0].isdigit() or any(character.isdigit() for character in text):
            return [_STREET] if vocabulary.is_street(text) else []
        words = text.replace(",", " ").split()
        if not 1 <= len(words) <= 5 or not all(_WORDS.fullmatch(word) for word in words):
            return []
        known = sum(self._people.knows(word) for word in words)
        if len(words) >= 2 and known >= 2 and text[0].isupper():
            return [_STRONG["full_name"]]
        if len(words) == 1 and known and text[0].isupper():
            return [_WEAK["name"]]
        if known and text[0].isupper() and len(words) <= 3:
            return [_WEAK["full_name"]]
        return []

    def spans(self, text: str) -> list[Span]:
        """Find what stands inside a text, in order and without overlap; only what is telling on its own."""
        found: list[Span] = []
        if len(text) < 6 or not _SUSPECT.search(text):
            return found
        take = partial(_take, found)
        _secret_spans(text, take)
        if "@" in text:
            for match in _EMAIL.finditer(text):
                take(match.start(), match.end(), "email")
        if ":" in text or "." in text:
            _address_spans(text, take)
        for match in _IBAN.finditer(text):
            if iban.is_valid(match.group()):
                take(match.start(), match.end(), "iban")
        self._number_spans(text, take)
        for match in _IDENTIFIER.finditer(text):
            self._identifier_span(match, take)
        found.sort(key=lambda span: span.start)
        return found

    def _number_spans(self, text: str, take: Callable) -> None:
        for match in _NUMBER.finditer(text):
            part = match.group()
            if _DATE.fullmatch(part) or _DATE_AHEAD.match(part):
                continue
            digits = re.sub(r"\D", "", part)
            if _is_card(digits):
                take(match.start(), match.end(), "card")
                continue
            strong = [hit for hit in (self._bare(part) if part.isdigit() else self._identifier(part)) if hit.strong]
            if strong:
                take(match.start(), match.end(), strong[0].detector)
                continue
            phone = self._phone(part)
            if phone is None and part.isdigit() and _CALL.search(text, max(0, match.start() - 40), match.start()):
                phone = self._called(part)
            if phone is not None:
                take(match.start(), match.end(), phone.detector)

    def _called(self, digits: str) -> Hit | None:
        """Bare digits that a text speaks of as a number to call."""
        valid = 8 <= len(digits) <= 12 and self._is_valid_phone(digits, self._regions)
        return _WEAK["phone"] if valid else None

    def _identifier_span(self, match: re.Match, take: Callable) -> None:
        start = match.start()
        for hit in self._identifier(match.group()) if " " in match.group() else ():
            if hit.strong:
                take(start, match.end(), hit.detector)
                return
        for piece in re.finditer(r"[0-9A-Z./+-]{8,21}", match.group()):
            text = piece.group().strip("./+-")
            if text.isdigit() or not any(character.isdigit() for character in text):
                continue
            offset = start + piece.start() + piece.group().index(text)
            for hit in self._identifier(text):
                if hit.strong:
                    take(offset, offset + len(text), hit.detector)
                    break


def _take(found: list[Span], start: int, end: int, detector: str) -> None:
    if all(end <= span.start or start >= span.end for span in found):
        found.append(Span(start, end, detector))


def _secret(text: str) -> Hit | None:
    match = _JWT.fullmatch(text)
    if match and _is_jwt(match.group(1)):
        return _STRONG["jwt"]
    if _API_KEY.fullmatch(text):
        return _STRONG["api_key"]
    if text.startswith("-----") and _PRIVATE_KEY.match(text):
        return _STRONG["private_key"]
    if text[0] in "$p{s" and _PASSWORD_HASH.fullmatch(text):
        return _STRONG["password_hash"]
    if "://" in text and _URL.fullmatch(text) and _carries_secret(text):
        return _STRONG["url_token"]
    return None


def _carries_secret(url: str) -> bool:
    return bool(_URL_USER.search(url) or _URL_PARAMETER.search(url))


def _secret_spans(text: str, take: Callable) -> None:
    if "-----BEGIN" in text:
        for match in _PRIVATE_KEY.finditer(text):
            end = text.find("-----END", match.end())
            end = text.find("-----", end + 8) + 5 if end >= 0 else len(text)
            take(match.start(), max(end, match.end()), "private_key")
    if "://" in text:
        for match in _URL.finditer(text):
            if _carries_secret(match.group()):
                take(match.start(), match.end(), "url_token")
    if "eyJ" in text:
        for match in _JWT.finditer(text):
            if _is_jwt(match.group(1)):
                take(match.start(), match.end(), "jwt")
    if len(text) >= 15:
        for name, form in (("api_key", _API_KEY), ("password_hash", _PASSWORD_HASH)):
            for match in form.finditer(text):
                take(match.start(), match.end(), name)


def _address(text: str) -> list[Hit]:
    """The whole text as an address of a machine."""
    if _IPV4.fullmatch(text):
        sure = _is_ipv4(text)
        return [] if sure is False else [_STRONG["ipv4"] if sure else _WEAK["ipv4"]]
    if text.count(":") >= 2 and len(text) <= 45:
        if _MAC.fullmatch(text):
            return [_STRONG["mac"]]
        if _is_ipv6(text):
            return [_STRONG["ipv6"]]
    return []


def _address_spans(text: str, take: Callable) -> None:
    if text.count(".") >= 3:
        for match in _IPV4.finditer(text):
            if _is_ipv4(match.group()):
                take(match.start(), match.end(), "ipv4")
    if text.count(":") >= 2:
        for match in _MAC.finditer(text):
            take(match.start(), match.end(), "mac")
        for match in _IPV6.finditer(text):
            if _is_ipv6(match.group()):
                take(match.start(), match.end(), "ipv6")


def _is_point(value: dict) -> bool:
    return value.get("type") in ("Point", "LineString", "Polygon", "MultiPoint") and "coordinates" in value


_REMEMBERED = 50_000
_STRONG = {name: Hit(name, True) for name in DETECTORS}
_WEAK = {name: Hit(name, False) for name in DETECTORS}
_GEO = _STRONG["geo"]
_STREET = _WEAK["street"]
