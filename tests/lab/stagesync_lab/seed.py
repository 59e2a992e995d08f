"""Data as real applications hold it, the same from the same seed number, with personal values that no mask can make.

Faker fills pools once; a keyed hash of a document's number picks from them, so any document can be made alone and fast.
"""

from __future__ import annotations

import json
import struct
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import cache
from hashlib import blake2b
from typing import Any

from bson import Binary, Decimal128, Int64, MaxKey, MinKey, ObjectId, Regex, Timestamp
from faker import Faker
from pymongo import ASCENDING, DESCENDING, GEOSPHERE, HASHED, TEXT, IndexModel, MongoClient

from .config import DATABASES

Document = dict[str, Any]
Progress = Callable[[str, int, int], None]

BASE_DATE = datetime(2024, 1, 1, tzinfo=timezone.utc)
SESSION_END = datetime(2099, 1, 1, tzinfo=timezone.utc)  # no session may expire while a lab lives
ODD_NAME = 'leads 2024/Q1 – "new"; it\'s öäü.日本'
PLANTED_PEOPLE = 200
LEAST_USERS = 5 * PLANTED_PEOPLE  # every fifth of these is a planted person
RECENT_REQUESTS_BYTES = 256 * 1024  # a capped collection that has been full for long
CHUNK_BYTES = 255 * 1024  # GridFS's own default
BATCH = 1000

# Every planted value holds one of these, which lets the leak search skip what holds none.
MARKERS = ("zqv", "999")

_LOCALES = {
    "en_IN": "+91 {:05d} {:05d}",
    "en_US": "+1 {:03d}-{:07d}",
    "de_DE": "+49 {:04d} {:07d}",
    "ja_JP": "+81 {:02d}-{:08d}",
    "fr_FR": "+33 {:01d} {:08d}",
    "pt_BR": "+55 {:02d} {:09d}",
}
_LOCALE_NAMES = tuple(_LOCALES)
_LOCALE_SHARES = ("en_IN",) * 10 + ("en_US",) * 4 + ("de_DE", "de_DE", "ja_JP", "ja_JP", "fr_FR", "pt_BR")
_DOMAINS = ("example.in", "mail.example.net", "Post.Example.org", "firma.example", "kaisha.example")
# fmt: off
_SYLLABLES = ("ar", "be", "ci", "dor", "el", "fa", "gun", "hol", "im", "jar", "kel", "lor",
              "mun", "nor", "olt", "per", "qui", "ran", "sto", "tir", "ulm", "vex", "wyl", "yor")
# fmt: on
_STATUSES = ("new", "paid", "packed", "shipped", "delivered", "returned")
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True)
class Person:
    """The personal values of one user; wherever they occur again they are the same."""

    first: str
    last: str
    email: str
    phone: str
    card: str
    aadhaar: str
    pan: str
    account: str
    locale: str

    @property
    def full(self) -> str:
        """First name and surname."""
        return f"{self.first} {self.last}"


def _draw(seed: int, purpose: str, number: int) -> tuple[int, ...]:
    """Sixteen 32-bit numbers that depend on nothing but the arguments."""
    key = f"{seed}/{purpose}".encode()
    return struct.unpack("<16I", blake2b(number.to_bytes(8, "little"), key=key[:64], digest_size=64).digest())


def _object_id(purpose: int, seed: int, number: int, at: datetime) -> ObjectId:
    stamp = int(at.timestamp())
    return ObjectId(
        struct.pack(">IBHB", stamp, purpose, seed & 0xFFFF, number >> 32 & 0xFF)
        + struct.pack(">I", number & 0xFFFFFFFF)
    )


def _grouped(digits: str, size: int) -> str:
    return " ".join(digits[i : i + size] for i in range(0, len(digits), size))


class _Pools:
    """What Faker is asked once."""

    def __init__(self, seed: int) -> None:
        self.first: dict[str, list[str]] = {}
        self.last: dict[str, list[str]] = {}
        self.places: dict[str, list[tuple[str, str, str, str]]] = {}
        self.companies: dict[str, list[str]] = {}
        for locale in _LOCALE_NAMES:
            fake = Faker(locale)
            fake.seed_instance(seed)
            self.first[locale] = [fake.first_name() for _turn in range(300)]
            self.last[locale] = [fake.last_name() for _turn in range(300)]
            region = getattr(fake, "state", None) or getattr(fake, "prefecture", None) or fake.region
            self.places[locale] = [
                (fake.street_address() if locale != "ja_JP" else fake.address(), fake.city(), region(), fake.postcode())
                for _turn in range(300)
            ]
            self.companies[locale] = [fake.company() for _turn in range(60)]
        fake = Faker("en_US")
        fake.seed_instance(seed)
        self.sentences = [fake.sentence(nb_words=12) for _turn in range(800)]
        self.words = fake.words(nb=200, unique=False)
        self.agents = [fake.user_agent() for _turn in range(80)]
        self.titles = [fake.catch_phrase() for _turn in range(300)]


class _Maker:
    """Makes any document of any collection from its number."""

    def __init__(self, seed: int, users: int) -> None:
        self.seed = seed
        self.users = users
        self.pools = _Pools(seed)
        self.person = cache(self._person)

    # People

    def _person(self, number: int) -> Person:
        if number < LEAST_USERS and number % 5 == 3:
            return self.planted(number // 5)
        r = _draw(self.seed, "person", number)
        locale = _LOCALE_SHARES[r[0] % len(_LOCALE_SHARES)]
        first = self.pools.first[locale][r[1] % 300]
        last = self.pools.last[locale][r[2] % 300]
        local = f"{first}.{last}" if (first + last).isascii() else f"user-{r[3] % 9973}"
        return Person(
            first=first,
            last=last,
            email=f"{local.replace(' ', '')}.{number}@{_DOMAINS[r[4] % len(_DOMAINS)]}",
            phone=_LOCALES[locale].format(r[5] % 90 + 10 if locale != "fr_FR" else r[5] % 9, r[6] % 10_000_000),
            card=f"4{r[7] % 10**9:09d}{r[8] % 10**6:06d}",
            aadhaar=f"{r[9] % 8 + 2}{r[10] % 10**9:09d}{r[11] % 100:02d}",
            # Unique for 2,560,000 people: two letters and the digits are the number, 7919 having no factor of 10,000.
            pan="".join(_LETTERS[bits & 15] for bits in (r[12], r[12] >> 4, number // 10**4))
            + "P"
            + _LETTERS[number // 10**4 >> 4 & 15]
            + f"{number * 7919 % 10**4:04d}K",
            account=f"DE{r[14] % 90 + 10}{r[15] % 10**9:09d}{r[0] % 10**9:09d}",
            locale=locale,
        )

    def planted(self, number: int) -> Person:
        """One of the people whose values the leak search looks for."""
        number %= PLANTED_PEOPLE
        r = _draw(self.seed, "planted", number)
        locale = ("en_IN", "en_US", "de_DE")[r[0] % 3]
        last = "Zqv" + "".join(_SYLLABLES[r[i] % len(_SYLLABLES)] for i in range(1, 5))
        if number % 10 == 4:
            last = last.replace("o", "ö").replace("a", "ã").replace("u", "ü")
        return Person(
            first=self.pools.first[locale][r[5] % 300],
            last=last,
            email=f"zqv{number:03d}-{r[6] % 16**6:06x}.person@planted-zq7x.example",
            phone=f"+9997{number:03d}{r[7] % 10**6:06d}",
            card=f"99974{number:03d}{r[8] % 10**8:08d}",
            aadhaar=f"99971{number:03d}{r[9] % 10**4:04d}",
            pan=f"ZQVP{_LETTERS[r[10] % 26]}{(r[11] % 40) * 200 + number:04d}{_LETTERS[r[12] % 26]}",
            account=f"DE9997{number:03d}{r[13] % 10**9:09d}{r[14] % 10**6:06d}",
            locale=locale,
        )

    def someone(self, number: int, drawn: int) -> int:
        """Number of a user: every 23rd document belongs to a planted person, so that every shape has some."""
        if number % 23 == 7:
            return 5 * (number // 23 % PLANTED_PEOPLE) + 3
        return drawn % self.users

    def user_key(self, number: int) -> ObjectId:
        """The `_id` of a user."""
        return _object_id(1, self.seed, number, BASE_DATE + timedelta(minutes=number % 400_000))

    def text(self, drawn: int, count: int) -> str:
        """A few sentences without personal data."""
        return " ".join(self.pools.sentences[(drawn + 37 * i) % 800] for i in range(count))

    def address(self, person: Person, drawn: int) -> Document:
        """An address as a form gives it."""
        street, city, state, postcode = self.pools.places[person.locale][drawn % 300]
        return {
            "street": street,
            "city": city,
            "state": state,
            "postcode": postcode,
            "country": person.locale[-2:],
        }

    # Collections

    def user(self, number: int) -> Document:
        """One user; the shape has changed over the years, as it does."""
        r = _draw(self.seed, "user", number)
        person = self.person(number)
        kin = self.person((number * 7 + 3) % LEAST_USERS)
        created = BASE_DATE + timedelta(minutes=number % 400_000)
        document: Document = {
            "_id": self.user_key(number),
            "user_id": f"u{number:07d}",
            "email": person.email.upper() if number % 40 == 13 else person.email,
            "email_verified": r[0] % 8 != 0,
            "username": person.email.split("@")[0],
            "name": {"first": person.first, "last": person.last, "full": person.full},
            "phone": self._phone_shape(number, person, kin),
            "birth_date": None
            if number % 23 == 5
            else datetime(1945, 1, 1, tzinfo=timezone.utc) + timedelta(days=r[1] % 22_000),
            "gender": ("f", "m", "x", None)[r[2] % 4],
            "status": ("active", "active", "active", "closed", "blocked")[r[3] % 5],
            "locale": person.locale,
            "password_hash": f"$2b$12${r[4]:08x}{r[5]:08x}{r[6]:08x}{r[7]:08x}{r[8]:08x}",
            "security_answer": self.pools.words[r[9] % 200],
            "preferences": {
                "newsletter": r[10] % 2 == 0,
                "theme": ("dark", "light")[r[11] % 2],
                "categories": [self.pools.words[r[12] % 200], self.pools.words[r[13] % 200]],
            },
            "emergency_contacts": [
                {
                    "name": kin.full,
                    "relation": ("parent", "sibling", "friend")[r[14] % 3],
                    "phones": [kin.phone, person.phone],
                }
            ],
            "last_login": {
                "at": created + timedelta(days=r[15] % 400),
                "ip": f"203.0.113.{r[0] % 255}",
                "user_agent": self.pools.agents[r[1] % 80],
            },
            "loyalty": {"points": Int64(r[2] % 100_000), "tier": ("none", "silver", "gold")[r[3] % 3]},
            "created_at": created,
        }
        self._user_addresses(document, number, person, r)
        self._user_extras(document, number, person, r)
        return document

    @staticmethod
    def _phone_shape(number: int, person: Person, kin: Person) -> Any:
        if number % 11 == 4:
            return None
        if number % 5 == 0:
            return [person.phone, kin.phone]
        return person.phone

    def _user_addresses(self, document: Document, number: int, person: Person, r: tuple[int, ...]) -> None:
        if number % 9 == 2:  # the shape of the first release
            document["address"] = self.address(person, r[4])
            return
        document["addresses"] = [
            {
                "label": label,
                **self.address(person, r[4] + 31 * i),
                "recipient": {"name": person.full, "phone": _grouped_phone(person.phone)},
            }
            for i, label in enumerate(("home", "work", "parents")[: number % 3 + 1])
        ]
        if number % 4 == 1:
            coordinates = [round(r[5] % 3600000 / 10000 - 180, 4), round(r[6] % 1600000 / 10000 - 80, 4)]
            document["addresses"][0]["location"] = {"type": "Point", "coordinates": coordinates}

    def _user_extras(self, document: Document, number: int, person: Person, r: tuple[int, ...]) -> None:
        if number % 11 == 7:
            del document["phone"]
        if number % 13 == 8:
            del document["birth_date"]
        if person.locale == "en_IN" or number < LEAST_USERS and number % 5 == 3:
            document["kyc"] = {
                "aadhaar": (person.aadhaar, _grouped(person.aadhaar, 4), Int64(person.aadhaar))[number // 5 % 3],
                "pan": person.pan,
                "verified_at": document["created_at"] + timedelta(hours=r[7] % 500),
            }
        if number % 6 == 1:
            document["company"] = {
                "name": self.pools.companies[person.locale][r[8] % 60],
                "gstin": f"27{person.pan}1Z5",
                "employees": r[9] % 500,
            }
        if number % 5 == 3:
            document["notes"] = f"{self.text(r[10], 2)} Call {_grouped_phone(person.phone)} or write to {person.email}."
            document["referrer"] = f"u{r[11] % self.users:07d}"
        if number % 50 == 9:
            document["children"] = [
                {
                    "name": {"first": person.first, "last": person.last},
                    "birth_date": f"20{r[12] % 20 + 10}-0{r[13] % 9 + 1}-1{r[14] % 10}",
                }
            ]

    def order(self, number: int) -> Document:
        """One order, with contacts in it and an array of items."""
        r = _draw(self.seed, "order", number)
        buyer = self.someone(number, r[0])
        person = self.person(buyer)
        friend = self.person((buyer * 3 + 8) % LEAST_USERS)
        placed = BASE_DATE + timedelta(seconds=number % 10**7 * 6 + r[1] % 6)
        items = [self._item(number, i, person, r) for i in range(number % 3 + 1)]
        net = sum(item["quantity"] * (r[6 + i] % 90_000 + 99) for i, item in enumerate(items))
        document: Document = {
            "_id": _object_id(2, self.seed, number, placed),
            "number": f"ORD-{self.seed}-{number:09d}",
            "user": self.user_key(buyer),
            "status": _STATUSES[r[2] % 6],
            "placed_at": placed,
            "currency": "INR" if person.locale == "en_IN" else "EUR",
            "contact": {"name": person.full, "email": person.email, "phone": person.phone},
            "shipping": {"name": person.full, **self.address(person, r[3]), "phone": _grouped_phone(person.phone)},
            "items": items,
            "totals": {
                "net": _money(net),
                "gross": _money(net * 118 // 100),
                "points": Int64(net // 1000),
                "weight": r[4] % 9000 / 1000,
            },
            "history": [
                {"at": placed + timedelta(hours=i), "status": _STATUSES[i], "by": person.email if i == 0 else None}
                for i in range(r[2] % 3 + 1)
            ],
            "ip": f"198.51.100.{r[5] % 255}",
        }
        if number % 8 == 3:
            document["gift"] = {
                "to": {"name": friend.full, "email": friend.email},
                "message": f"Dear {friend.first}, {self.text(r[9], 1)} Yours, {person.full}",
            }
        if number % 10 == 7:
            start = [72.8 + r[10] % 1000 / 10000, 18.9 + r[11] % 1000 / 10000]
            document["delivery"] = {
                "driver": {"name": friend.full, "phone": friend.phone},
                "route": [[round(start[0] + i / 500, 5), round(start[1] + i / 700, 5)] for i in range(6)],
                "instructions": f"Ring {person.phone} at the gate. {self.text(r[12], 1)}",
            }
        return document

    def _item(self, number: int, position: int, person: Person, r: tuple[int, ...]) -> Document:
        item: Document = {
            "sku": f"SKU-{r[6 + position] % 1500:05d}",
            "title": self.pools.titles[r[9 + position] % 300],
            "quantity": r[12 + position] % 4 + 1,
            "price": _money(r[6 + position] % 90_000 + 99),
            "tax_rate": 0.18,
        }
        if number % 12 == 7:
            item["engraving"] = person.full
        return item

    def payment(self, number: int) -> Document:
        """One payment; the amount's type has changed with the releases."""
        r = _draw(self.seed, "payment", number)
        buyer = self.someone(number, r[0])
        person = self.person(buyer)
        cents = r[1] % 5_000_000 + 100
        method = ("card", "bank", "card", "upi")[number % 4]
        document: Document = {
            "_id": _object_id(3, self.seed, number, BASE_DATE),
            "user": self.user_key(buyer),
            "created_at": BASE_DATE + timedelta(seconds=number * 7),
            "method": method,
            "amount": (_money(cents), Int64(cents), cents / 100)[number % 3],
            "currency": "INR" if person.locale == "en_IN" else "EUR",
            "reference": Binary.from_uuid(uuid.UUID(int=r[2] << 96 | r[3] << 64 | r[4] << 32 | number & 0xFFFFFFFF)),
            "billing": {"name": person.full, "email": person.email},
            "gateway": {"code": r[5] % 30, "fee": r[6] % 1000 / 100},
        }
        if method == "card":
            card = person.card if number % 8 else _grouped(person.card, 4)
            document["card"] = {
                "number": card,
                "holder": person.full,
                "brand": ("visa", "rupay")[r[7] % 2],
                "expires": f"{r[8] % 12 + 1:02d}/29",
            }
        elif method == "bank":
            document["bank"] = {"iban": person.account, "holder": person.full}
        else:
            document["upi"] = {"vpa": f"{person.email.split('@')[0]}@okbank"}
        return document

    def ticket(self, number: int) -> Document:
        """A support ticket: free text with personal data in it."""
        r = _draw(self.seed, "ticket", number)
        author = self.someone(number, r[0])
        person = self.person(author)
        opened = BASE_DATE + timedelta(minutes=number * 5)
        told = (
            f"my e-mail is {person.email}",
            f"please call {person.phone} or {_grouped_phone(person.phone)}",
            f"the card {_grouped(person.card, 4)} was charged twice, {person.card}",
            f"Aadhaar {_grouped(person.aadhaar, 4)}, also written {person.aadhaar}",
            f"PAN {person.pan} is wrong on the invoice",
            f"refund to {person.account} please",
        )
        messages = [
            {
                "from": person.email if i % 2 == 0 else "help@support.example",
                "at": opened + timedelta(hours=i),
                "body": f"{self.text(r[1] + i, 2)} {told[(number + i) % 6]}. {self.text(r[2] + i, 1)}"
                if i % 2 == 0
                else self.text(r[3], 2),
            }
            for i in range(r[4] % 4 + 1)
        ]
        document: Document = {
            "_id": Int64(10_000_000_000 + number),
            "subject": f"{self.pools.sentences[r[5] % 800]} ({told[number % 6]})",
            "user": self.user_key(author),
            "requester": {"name": person.full, "email": person.email, "phone": person.phone},
            "status": ("open", "waiting", "solved")[r[6] % 3],
            "priority": r[7] % 4,
            "opened_at": opened,
            "messages": messages,
            "tags": [self.pools.words[r[8] % 200], self.pools.words[r[9] % 200]],
        }
        if number % 5 == 2:
            document["cc"] = [self.person(r[10] % LEAST_USERS).email, person.email]
            born = self.pools.places[person.locale][r[11] % 300][1]
            document["transcript"] = f"Caller: I am {person.full}, born in {born}. {self.text(r[12], 2)}"
        if number % 7 == 1:
            document["callback"] = None if number % 14 == 1 else {"number": person.phone, "after": "18:00"}
        return document

    def session(self, number: int) -> Document:
        """A log-in session; its token is its `_id`."""
        r = _draw(self.seed, "session", number)
        return {
            "_id": "".join(f"{part:08x}" for part in r[:6]),
            "user_id": f"u{self.someone(number, r[6]):07d}",
            "expires_at": SESSION_END + timedelta(seconds=r[7] % 10**6),
            "ip": f"192.0.2.{r[8] % 255}",
            "user_agent": self.pools.agents[r[9] % 80],
            "data": {
                "email": self.person(self.someone(number, r[6])).email,
                "cart": [f"SKU-{r[10] % 1500:05d}"] * (r[11] % 3),
            },
        }

    def audit(self, number: int) -> Document:
        """An entry of the audit log."""
        r = _draw(self.seed, "audit", number)
        person = self.person(self.someone(number, r[0]))
        return {
            "_id": _object_id(4, self.seed, number, BASE_DATE),
            "at": BASE_DATE + timedelta(seconds=number * 11),
            "actor": {"email": person.email, "ip": f"203.0.113.{r[1] % 255}"},
            "action": ("login", "change", "export", "delete")[r[2] % 4],
            "changes": [
                {"field": "phone", "old": person.phone, "new": _grouped_phone(person.phone)},
                {"field": "name", "old": None, "new": person.full},
            ][: r[3] % 2 + 1],
            "message": f"{person.email} changed the phone number to {person.phone} from card {person.card}",
        }

    def preference(self, number: int) -> Document:
        """A map-like document: user ids are its keys."""
        r = _draw(self.seed, "preference", number)
        by_user: Document = {}
        for i in range(r[0] % 12 + 1):
            who = self.someone(number + i, r[1] + 101 * i)
            person = self.person(who)
            key = f"u{who:07d}" if i % 4 else f"u{who:07d}.work"  # a dot in a key is allowed, so somebody has one
            by_user[key] = {
                "phone": person.phone,
                "email": person.email,
                "channel": ("sms", "mail")[i % 2],
                "quiet": {"from": 22, "to": r[2] % 9},
            }
        return {
            "_id": f"segment-{number:05d}",
            "updated_at": BASE_DATE + timedelta(minutes=number),
            "by_user": by_user if number % 17 != 5 else {},
        }

    def newsletter(self, number: int) -> Document:
        """A subscriber, whose e-mail address is the `_id`."""
        person = self.person(number)
        return {
            "_id": person.email,
            "name": person.full,
            "since": BASE_DATE + timedelta(hours=number),
            "lists": ["weekly", "offers"][: number % 3],
        }

    def account(self, number: int) -> Document:
        """A ledger account, in the collection with a validator."""
        r = _draw(self.seed, "account", number)
        person = self.person(self.someone(number, r[0]))
        return {
            "_id": number,
            "number": f"Konto-{number:08d}",
            "holder": person.full,
            "iban": person.account,
            "kind": ("current", "savings")[r[1] % 2],
            "balance": _money(r[2] % 10**8),
        }

    def legacy(self, number: int) -> Document:
        """A document of the first system, whose `_id`s are of many types."""
        r = _draw(self.seed, "legacy", number)
        who = self.someone(number, r[0])
        person = self.person(who)
        return {
            "_id": _legacy_id(number, r),
            "full_name": person.full,
            "phone": Int64(person.phone[1:].replace(" ", "").replace("-", "")) if number % 10 == 7 else person.phone,
            "born": f"19{r[1] % 50 + 45}-0{r[2] % 9 + 1}-{r[3] % 18 + 10}",
            "fax": "" if number % 2 else None,
            "active": r[4] % 2 == 0,
            "rule": Regex(r"^[a-z]+\d$", "i"),
            "changed": Timestamp(1_700_000_000 + number, 1),
        }

    def lead(self, number: int) -> Document:
        """A document of the collection with the odd name."""
        r = _draw(self.seed, "lead", number)
        person = self.person(self.someone(number, r[0]))
        return {
            "_id": number,
            "Vollständiger Name": person.full,
            "电话": person.phone,
            "comment": f"😀 {person.email} – {person.pan}",
            "score": r[1] % 100 / 7,
        }

    def export(self, number: int) -> Document:
        """A line of a forgotten export, which the rules leave behind."""
        person = self.person(number % LEAST_USERS)
        line = json.dumps(
            [person.full, person.email, person.phone, person.card, person.aadhaar, person.pan], ensure_ascii=False
        )
        return {"_id": number, "line": line}

    def product(self, number: int) -> Document:
        """A product: nothing personal."""
        r = _draw(self.seed, "product", number)
        return {
            "_id": f"SKU-{number:05d}",
            "title": self.pools.titles[r[0] % 300],
            "description": self.text(r[1], 4),
            "price": _money(r[2] % 90_000),
            "attributes": {self.pools.words[r[3 + i] % 200]: r[6 + i] % 100 for i in range(3)},
            "discontinued": r[9] % 9 == 0,
        }

    def store(self, number: int) -> Document:
        """A shop one can walk into."""
        r = _draw(self.seed, "store", number)
        return {
            "_id": number,
            "city": self.pools.places["en_IN"][r[0] % 300][1],
            "location": {
                "type": "Point",
                "coordinates": [round(68 + r[1] % 29_0000 / 10000, 4), round(8 + r[2] % 27_0000 / 10000, 4)],
            },
            "manager": {
                "name": self.person(self.someone(number, r[3])).full,
                "email": self.person(self.someone(number, r[3])).email,
            },
        }

    def metric(self, number: int, series: int, position: int) -> Document:
        """A measurement; its meta field names the user."""
        r = _draw(self.seed, "metric", number)
        person = self.person(self.someone(23 * series + 7 * (series % 2), series))
        return {
            "_id": _object_id(5, self.seed, number, BASE_DATE),
            "at": BASE_DATE + timedelta(minutes=position),
            "meta": {"service": ("api", "web", "app")[series % 3], "user": person.email},
            "latency": r[0] % 10**6 / 1000,
            "bytes": Int64(r[1]),
            "caller": person.phone if position % 10 == 0 else None,
        }

    def day(self, number: int) -> Document:
        """A day's figures, clustered by day."""
        r = _draw(self.seed, "day", number)
        return {
            "_id": BASE_DATE + timedelta(days=number),
            "orders": r[0] % 900,
            "revenue": _money(r[1] % 10**9),
            "best_customer": self.person(self.someone(number, r[2])).email,
        }

    def request(self, number: int) -> Document:
        """A request in the capped collection that is always full."""
        r = _draw(self.seed, "request", number)
        return {
            "_id": number,
            "path": f"/p/{r[0] % 1500}",
            "status": (200, 200, 304, 404)[r[1] % 4],
            "took": r[2] % 5000 / 10,
        }

    def attachment(self, number: int) -> tuple[Document, list[Document]]:
        """A GridFS file and its chunks; name and contents are personal."""
        r = _draw(self.seed, "attachment", number)
        person = self.person(self.someone(23 * number + 7 * (number % 2), r[0]))
        words = (person.full, person.email, person.phone, person.card, person.aadhaar, person.pan, self.text(r[1], 3))
        line = ";".join(words) + "\n"
        size = (1, 60_000, 180_000, 2 * CHUNK_BYTES + 17)[number % 4] if number else 0
        encoding = "utf-16-le" if number % 5 == 3 else "utf-8"
        content = (line * (size // len(line) + 1)).encode(encoding)[: max(size, 400)] if number else b""
        key = _object_id(6, self.seed, number, BASE_DATE)
        file = {
            "_id": key,
            "filename": f"{person.first}_{person.last}-{person.pan}.txt",
            "length": Int64(len(content)),
            "chunkSize": CHUNK_BYTES,
            "uploadDate": BASE_DATE + timedelta(hours=number),
            "metadata": {"owner": person.email, "type": "text/plain"},
        }
        chunks = [
            {
                "_id": _object_id(7, self.seed, number * 1000 + n, BASE_DATE),
                "files_id": key,
                "n": n,
                "data": content[start : start + CHUNK_BYTES],
            }
            for n, start in enumerate(range(0, len(content), CHUNK_BYTES))
        ]
        return file, chunks


def _money(cents: int) -> Decimal128:
    return Decimal128(f"{cents // 100}.{cents % 100:02d}")


def _grouped_phone(phone: str) -> str:
    return f"{phone[:4]} {_grouped(phone[4:], 5)}" if phone.startswith("+999") else phone


def _legacy_id(number: int, r: tuple[int, ...]) -> Any:
    """Ids of every type that may be an `_id`, no two alike as numbers."""
    special = (float("nan"), float("inf"), float("-inf"), MinKey(), MaxKey(), None, True, False, "", {})
    if number < len(special):
        return special[number]
    return (
        lambda: ObjectId(struct.pack(">3I", r[0], r[1], number)),
        lambda: number,
        lambda: Int64(2**40 + number),
        lambda: number + 0.25,
        lambda: f"legacy-{number} ünï",
        lambda: Binary.from_uuid(uuid.UUID(int=r[2] << 96 | r[3] << 64 | number)),
        lambda: BASE_DATE + timedelta(seconds=number),
        lambda: {"shop": r[4] % 9, "line": number},
        lambda: Decimal128(f"{number}.5"),
        lambda: Binary(struct.pack(">2I", r[5], number)),
        lambda: Timestamp(1_600_000_000, number),
    )[number % 11]()


# Values that no mask makes


def planted_values(seed: int = 1) -> dict[str, list[str]]:
    """Every planted value by kind, in each way it is written."""
    return {kind: list(values) for kind, values in _planted_values(seed).items()}


@cache
def _planted_values(seed: int) -> dict[str, tuple[str, ...]]:
    maker = _maker(seed, LEAST_USERS)
    people = [maker.planted(number) for number in range(PLANTED_PEOPLE)]
    return {
        "email": tuple(person.email for person in people),
        "phone": tuple(
            form for person in people for form in (person.phone, _grouped_phone(person.phone), person.phone[1:])
        ),
        "card": tuple(form for person in people for form in (person.card, _grouped(person.card, 4))),
        "aadhaar": tuple(form for person in people for form in (person.aadhaar, _grouped(person.aadhaar, 4))),
        "pan": tuple(person.pan for person in people),
        "account": tuple(person.account for person in people),
        "name": tuple(person.full for person in people),
        "surname": tuple(person.last for person in people),
    }


@cache
def _maker(seed: int, users: int) -> _Maker:
    return _Maker(seed, users)


def order_documents(seed: int = 1, start: int = 1_000_000_000) -> Iterator[Document]:
    """Orders without end, of the seeded shape, numbered from `start`: for a steady writer beside the seeded ones."""
    maker = _maker(seed, LEAST_USERS)
    number = start
    while True:
        yield maker.order(number)
        number += 1


# Filling a server


def seed(client: MongoClient, scale: float = 1.0, seed: int = 1, progress: Progress | None = None) -> dict[str, Any]:
    """Drop the lab's databases and fill them anew; returns what was made."""
    begun = time.monotonic()
    counts = _counts(scale)
    maker = _maker(seed, counts["shop.users"])
    for name in DATABASES:
        client.drop_database(name)
    version = tuple(client.server_info()["versionArray"][:2])
    _create_collections(client, counts, clustered=version >= (5, 3))
    for namespace, documents in _documents(maker, counts):
        _insert(client, namespace, documents, counts[namespace], progress)
    _create_indexes(client)
    _create_views(client)
    made = {}
    for namespace in counts:
        database, _dot, collection = namespace.partition(".")
        made[namespace] = client[database][collection].count_documents({})
    return {
        "seed": seed,
        "scale": scale,
        "collections": made,
        "documents": sum(made.values()),
        "bytes": int(sum(client[name].command("dbStats")["dataSize"] for name in DATABASES)),
        "seconds": round(time.monotonic() - begun, 1),
    }


_FULL_COUNTS = {
    # namespace: documents at scale 1, fewest documents that show every shape
    "shop.users": (30_000, LEAST_USERS),
    "shop.orders": (50_000, 500),
    "shop.payments": (40_000, 400),
    "shop.sessions": (18_000, 100),
    "shop.preferences": (2_000, 50),
    "shop.newsletter": (4_000, 100),
    "shop.accounts": (3_000, 100),
    "shop.legacy": (2_000, 100),
    "shop.products": (1_500, 50),
    "shop.stores": (300, 50),
    "shop.tmp_export": (500, 50),
    f"shop.{ODD_NAME}": (500, 50),
    "support.tickets": (16_000, 150),
    "support.audit": (16_000, 100),
    "support.fs.files": (60, 12),
    "analytics.metrics": (16_000, 200),
    "analytics.daily": (1_000, 50),
    "analytics.recent_requests": (6_000, 6_000),
}


def _counts(scale: float) -> dict[str, int]:
    return {namespace: max(least, int(full * scale)) for namespace, (full, least) in _FULL_COUNTS.items()} | {
        "support.fs.chunks": 0,
        "shop.wishlist": 0,
    }


def _documents(maker: _Maker, counts: dict[str, int]) -> Iterator[tuple[str, Iterable[Document]]]:
    makers: dict[str, Callable[[int], Document]] = {
        "shop.users": maker.user,
        "shop.orders": maker.order,
        "shop.payments": maker.payment,
        "shop.sessions": maker.session,
        "shop.preferences": maker.preference,
        "shop.newsletter": maker.newsletter,
        "shop.accounts": maker.account,
        "shop.legacy": maker.legacy,
        "shop.products": maker.product,
        "shop.stores": maker.store,
        "shop.tmp_export": maker.export,
        f"shop.{ODD_NAME}": maker.lead,
        "support.tickets": maker.ticket,
        "support.audit": maker.audit,
        "analytics.daily": maker.day,
        "analytics.recent_requests": maker.request,
    }
    for namespace, make in makers.items():
        yield namespace, map(make, range(counts[namespace]))
    # One series after the other keeps a bucket open once.
    series = 50
    each = counts["analytics.metrics"] // series
    counts["analytics.metrics"] = each * series
    yield "analytics.metrics", (maker.metric(s * each + i, s, i) for s in range(series) for i in range(each))
    attachments = [maker.attachment(number) for number in range(counts["support.fs.files"])]
    counts["support.fs.chunks"] = sum(len(chunks) for _file, chunks in attachments)
    yield "support.fs.files", [file for file, _chunks in attachments]
    yield "support.fs.chunks", [chunk for _file, chunks in attachments for chunk in chunks]


def _insert(
    client: MongoClient, namespace: str, documents: Iterable[Document], total: int, progress: Progress | None
) -> None:
    database, _dot, name = namespace.partition(".")
    collection = client[database][name]
    done = 0
    batch: list[Document] = []
    for document in documents:
        batch.append(document)
        if len(batch) == BATCH:
            collection.insert_many(batch)
            done += len(batch)
            batch = []
            if progress:
                progress(namespace, done, total)
    if batch:
        collection.insert_many(batch)
        done += len(batch)
    if progress:
        progress(namespace, done, total)


def _create_collections(client: MongoClient, counts: dict[str, int], *, clustered: bool) -> None:
    shop, support, analytics = (client[name] for name in DATABASES)
    shop.create_collection("wishlist")
    shop.create_collection(
        "accounts",
        collation={"locale": "de", "strength": 2},
        validator={
            "$jsonSchema": {
                "bsonType": "object",
                "required": ["number", "holder", "kind", "balance"],
                "properties": {
                    "number": {"bsonType": "string", "pattern": "^Konto-[0-9]{8}$"},
                    "holder": {"bsonType": "string", "minLength": 1},
                    "kind": {"enum": ["current", "savings"]},
                    "balance": {"bsonType": "decimal"},
                },
            }
        },
        validationLevel="moderate",
        validationAction="error",
    )
    # Roomy: masked entries may be longer than the originals.
    support.create_collection(
        "audit", capped=True, size=max(1, counts["support.audit"] // 1000) * 1024 * 1024, max=10_000_000
    )
    analytics.create_collection("recent_requests", capped=True, size=RECENT_REQUESTS_BYTES)
    analytics.create_collection(
        "metrics", timeseries={"timeField": "at", "metaField": "meta", "granularity": "minutes"}
    )
    analytics.create_collection(
        "daily", **({"clusteredIndex": {"key": {"_id": 1}, "unique": True, "name": "by day"}} if clustered else {})
    )


def _create_indexes(client: MongoClient) -> None:
    shop, support, analytics = (client[name] for name in DATABASES)
    shop.users.create_indexes(
        [
            IndexModel("email", unique=True, name="email without case", collation={"locale": "en", "strength": 2}),
            IndexModel("user_id", unique=True),
            IndexModel([("name.last", ASCENDING), ("name.first", ASCENDING), ("birth_date", DESCENDING)]),
            IndexModel("phone", sparse=True),
            IndexModel("referrer", sparse=True),
            IndexModel("kyc.pan", unique=True, partialFilterExpression={"kyc.pan": {"$exists": True}}),
            IndexModel("addresses.postcode"),
        ]
    )
    shop.orders.create_indexes(
        [
            IndexModel("number", unique=True),
            IndexModel([("user", ASCENDING), ("placed_at", DESCENDING)]),
            IndexModel("contact.email"),
            IndexModel("status", hidden=True),
            IndexModel("totals.gross", partialFilterExpression={"status": "paid"}, name="paid_total"),
        ]
    )
    shop.payments.create_indexes(
        [
            IndexModel([("user", ASCENDING), ("created_at", DESCENDING)]),
            IndexModel("reference", unique=True),
            IndexModel("card.number", sparse=True),
        ]
    )
    shop.sessions.create_indexes([IndexModel("expires_at", expireAfterSeconds=0), IndexModel([("user_id", HASHED)])])
    shop.accounts.create_indexes([IndexModel("number", unique=True)])
    shop.wishlist.create_indexes(
        [IndexModel([("user", ASCENDING), ("sku", ASCENDING)], unique=True), IndexModel("$**")]
    )
    shop.products.create_indexes(
        [
            IndexModel(
                [("title", TEXT), ("description", TEXT)],
                weights={"title": 10, "description": 2},
                default_language="english",
                name="words",
            ),
            IndexModel("attributes.$**"),
            IndexModel([("$**", ASCENDING)], name="prices", wildcardProjection={"price": 1, "discontinued": 1}),
        ]
    )
    shop.stores.create_indexes([IndexModel([("location", GEOSPHERE)])])
    shop[ODD_NAME].create_indexes([IndexModel("电话", name="índice №1")])
    support.tickets.create_indexes(
        [
            IndexModel("requester.email"),
            IndexModel([("status", ASCENDING), ("opened_at", DESCENDING)]),
            IndexModel([("subject", TEXT)]),
        ]
    )
    support.audit.create_indexes([IndexModel("at")])
    support.fs.files.create_indexes([IndexModel([("filename", ASCENDING), ("uploadDate", ASCENDING)])])
    support.fs.chunks.create_indexes([IndexModel([("files_id", ASCENDING), ("n", ASCENDING)], unique=True)])
    analytics.metrics.create_indexes([IndexModel([("meta.service", ASCENDING), ("at", DESCENDING)])])


def _create_views(client: MongoClient) -> None:
    collation = {"locale": "en", "strength": 2}  # a view on a view must have the same
    active = [{"$match": {"status": "active"}}, {"$project": {"password_hash": 0}}]
    in_india = [{"$match": {"locale": "en_IN"}}]
    client["shop"].create_collection("active_users", viewOn="users", pipeline=active, collation=collation)
    client["shop"].create_collection(
        "active_users_in_india", viewOn="active_users", pipeline=in_india, collation=collation
    )
