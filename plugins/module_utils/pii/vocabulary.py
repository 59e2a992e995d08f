# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a field's name says it holds, in the languages that field names come in, and which words are people's names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_SEPARATORS = re.compile(r"[\W_]+", re.UNICODE)


def words_of(name: str) -> str:
    """Write a field's name as lower-case words with a blank between: `homeEMail_2` becomes `home email 2`."""
    spaced = _SEPARATORS.sub(" ", _CAMEL.sub(" ", name)).strip().lower()
    spaced = re.sub(r"\be mail", "email", spaced)
    return re.sub(r"(?<=[a-z])(?=\d)", " ", spaced)


@dataclass(frozen=True)
class NameHint:
    """`sure`: the name alone is enough where no value speaks against it."""

    kind: str
    sure: bool


# Kind, whether it is sure, the words of a field's name as a regular expression over whole words.
_PERSON = (
    r"user|users|customer|customers|client|contact|contacts|person|people|persons|employee|employees|patient|member"
    r"|members|owner|author|recipient|recipients|sender|driver|manager|guest|passenger|student|teacher|agent|buyer"
    r"|seller|subscriber|requester|assignee|reporter|candidate|applicant|tenant|guardian|parent|child|children|kin"
    r"|emergency|beneficiary|nominee|holder|billing|shipping|delivery|profile|father|mother|spouse|husband|wife"
    r"|doctor|nurse|lead|leads|staff|caller|by user|kunde|kunden|benutzer|cliente|clientes|usuario|usuarios|persona"
)
_KINDS = (
    ("secret", True, r"pass ?(?:word|wd|phrase|code)s?|pwd|passwort|kennwort|contrasena|senha|mot de passe"),
    ("secret", True, (
        r"(?:password|pwd|pass) (?:hash|salt|digest)|hashed password|secrets?|client secret|otp|totp|mfa"
    )),
    ("secret", True, (
        r"(?:api|access|private|secret|auth|encryption|signing|session|refresh|push|device|reset) (?:key|"
        r"tokens?|secret)s?"
    )),
    ("secret", True, r"tokens?|jwt|cvv2?|cvc2?|security (?:answer|question)s?|credentials?|pin|m?pin code hash|salt"),
    ("secret", False, r"session(?: id)?|cookies?|authorization|bearer|apikey|fingerprint"),
    ("email", True, (
        r"(?:\w+ )*e?mails?(?: (?:address|addr|id|1|2|primary|work|home|normalized|lower))*|"
        r"correo(?: electronico)?|courriel|メール(?:アドレス)?|邮箱"
    )),
    ("phone", True, (
        r"(?:\w+ )*(?:phones?|mobiles?|telephones?|whatsapp|msisdn|fax|handy|telefon(?:nummer)?|telefono|"
        r"telefone|celular|handynummer)(?: (?:numbers?|no|num|nr|nummer|1|2|e164|formatted))*"
    )),
    ("phone", True, r"tel|cell(?: phone)?|contact (?:no|number)|电话|手机(?:号)?|電話(?:番号)?|telefone?s|rufnummer"),
    ("first_name", True, (
        r"(?:\w+ )?(?:first|given|fore|middle|christian) ?names?|fname|vorname|prenom|primer nombre|"
        r"primeiro nome|名"
    )),
    ("last_name", True, (
        r"(?:\w+ )?(?:last|family|sur|maiden) ?names?|lname|nachname|familienname|nom de famille|apellidos?|"
        r"cognome|sobrenome|姓"
    )),
    ("full_name", True, (
        r"(?:full|display|real|legal|customer|user full|contact|recipient|employee|patient|account|card|"
        r"nominee|father|mother|spouse|guardian|person|member|guest|passenger|driver|client|cardholder|holder|"
        r"owner|author|sender|beneficiary) ?s? names?"
    )),
    ("full_name", True, (
        r"(?:account |card ?)?holder|cardholder|vollstandiger name|vollständiger name|nombre completo|"
        r"nom complet|nome completo|氏名|姓名|名前|care of|attention"
    )),
    ("username", True, r"user ?names?|login(?: name| id)?|screen name|nick ?names?|handle|benutzername|usuario"),
    ("street", True, (
        r"(?:\w+ )?(?:street|address|addr)(?: (?:line|address|name|1|2|3|one|two))*|strasse|straße|rue|calle|"
        r"rua|via|house (?:no|number)|landmark|hausnummer|adresse|direccion|endereco|indirizzo|住所|地址|(?:apt|"
        r"apartment|flat)(?: no| number)?"
    )),
    ("city", True, (
        r"(?:\w+ )?(?:city|town|village|locality)(?: name)?|ort|stadt|ville|ciudad|cidade|citta|wohnort|suburb"
    )),
    ("postal_code", True, (
        r"(?:\w+ )?(?:zip|post|postal|pin) ?codes?|zip(?: 4)?|plz|pincode|zipcode|postcode|postleitzahl|cep|"
        r"code postal|codigo postal|cap"
    )),
    ("company", True, r"(?:company|employer|organi[sz]ation|firm|business)(?: name)?|firma|arbeitgeber|empresa"),
    ("birth_date", True, (
        r"(?:\w+ )?(?:birth ?da(?:te|y)|date of birth|dob|born(?: (?:on|at|date))?|birth ?dt)|geburtsdatum|"
        r"geburtstag|date de naissance|fecha (?:de )?nacimiento|data (?:de )?nascimento|data di nascita|"
        r"nacimiento|生年月日|出生日期"
    )),
    ("age", False, r"age|alter|edad|idade|years old"),
    ("ip", True, (
        r"(?:\w+ )*ips?(?: ?(?:address(?:es)?|addr|v4|v6))?|ipv[46]|remote (?:addr|address|host)|"
        r"x forwarded for"
    )),
    ("device", True, (
        r"(?:mac|hardware) ?addr(?:ess)?|imei|imsi|udid|idfa|gaid|android id|advertising id|device (?:id|"
        r"identifier|uuid|serial)"
    )),
    ("device", False, r"user ?agent|ua|referr?er"),
    ("card", True, (
        r"(?:credit |debit )?card (?:no|num|number|nr)|cc ?(?:num|number|no)|ccnum|cardnumber|card number"
    )),
    ("card_part", False, (
        r"(?:card |cc )?(?:expir(?:y|es|ation)(?: date)?|exp(?: date| month| year)?)|last ?4|last four"
    )),
    ("iban", True, r"iban(?: (?:no|number))?"),
    ("account", True, (
        r"(?:bank )?(?:account|acct|acc) ?(?:no|num|number|nr)|bank account|kontonummer|upi(?: (?:id|vpa))?|"
        r"vpa|routing (?:no|number)|sort code"
    )),
    ("aadhaar", True, r"aadha?ar(?: (?:no|num|number|card))?|uidai|aadhar"),
    ("pan", True, r"pan(?: ?(?:no|num|number|card))?"),
    ("ssn", True, r"ssn|social security(?: (?:no|number))?"),
    ("national_id", True, (
        r"national (?:id|insurance)(?: (?:no|number))?|nino|passport(?: (?:no|num|number))?|(?:driv(?:er|"
        r"ing)s? ?)?licen[cs]e (?:no|num|number)|tax ?(?:id|payer id|number|no)|gstin|gst (?:no|number)|"
        r"vat (?:id|no|number)|cpf|cnpj|dni|nie|curp|rfc|nif|bsn|pesel|voter id(?: number)?|ausweisnummer|"
        r"steuer(?:nummer| id)|(?:codice fiscale)|fiscal code|personnummer|government id|ration card"
    )),
    ("url", True, (
        r"(?:avatar|photo|picture|selfie|profile|homepage|website|linked ?in|facebook|twitter|instagram|"
        r"github)(?: (?:url|link|image|photo|picture))*"
    )),
    ("geo", True, (
        r"lat|latitude|lng|lon|long|longitude|coordinates|coords|geo(?: ?(?:location|point|json|hash))?|"
        r"lat ?lng|gps(?: \w+)?"
    )),
    ("special", False, (
        r"gender|sex|geschlecht|religion|caste|race|ethnicity|nationality|marital(?: status)?|diagnos[ie]s|"
        r"disease|medical(?: \w+)*|allerg(?:y|ies)|blood (?:group|type)|disability|health(?: \w+)*|"
        r"political(?: \w+)*|sexual(?: \w+)*|biometric(?:s)?|conviction"
    )),
    ("money", False, r"(?:\w+ )?(?:salary|income|wage|ctc|net worth|credit score|gehalt|salario)"),
    ("text", False, (
        r"notes?|comments?|remarks?|messages?|body|bio|biography|about(?: me)?|description|feedback|"
        r"transcript|subject|reason|instructions|summary|review|content|text|kommentar|bemerkung|notiz|"
        r"observaciones|engraving|address book|details|caption|query|answer|question|title|headline|old|new|"
        r"(?:old|new) value|before|after|payload|raw|request|response|log|line|stack ?trace|error"
    )),
    ("name", False, (
        r"name|nombre|nom|nome|names|assigned to|assignee|(?:created|updated|modified|approved|changed|"
        r"reported|signed|uploaded|verified) by|by|author|sender|from|to|recipient|contact|person|owner|"
        r"manager|employee|patient|customer|relative|spouse|father|mother|kin"
    )),
    ("name", False, r"ansprechpartner|sachbearbeiter|titular|responsable|担当者"),
)  # fmt: skip
_KINDS_BY_NAME = tuple((NameHint(kind, sure), re.compile(rf"(?:{words})(?: \d+)?")) for kind, sure, words in _KINDS)
_PERSON_PARENT = re.compile(rf"(?:.* )?(?:{_PERSON})(?: (?:info|details|data|contact|address|profile))?")

# Names of what an application counts, orders and switches by: kept where the values bear it out.
_TECHNICAL = re.compile(
    r"(?:.* )?(?:at|on|ts|time|times|timestamp|date|since|until|expires(?: at| in)?|ttl|deadline|start|end|"
    r"updated|created|modified|deleted|opened|closed|placed|seen|due|finished|started|changed)|(?:is|has|can|"
    r"allow|enable|with) .*|enabled|active|verified|deleted|archived|(?:.* )?(?:flags?|count|counter|counts|total|"
    r"totals|sum|amount|price|cost|net|gross|tax|tax rate|rate|ratio|percent|percentage|quantity|qty|number of .*|"
    r"size|length|bytes|weight|width|depth|latency|duration|seconds|minutes|ms|millis|score|rating|points|level|"
    r"tier|rank|rule|index|position|order|sort|seq|sequence|version|revision|retries|attempts|stock|balance|"
    r"discount|fee|revenue|orders|employees|views|clicks|likes|priority|capacity|limit|offset|page|port|step|n)|"
    r"(?:.* )?(?:status|state|type|kind|category|categories|currency|locale|lang|language|country|country code|"
    r"timezone|tz|unit|plan|theme|mode|channel|source|medium|method|provider|gateway|environment|platform|os|"
    r"brand|format|encoding|mime|mime type|content type|action|event|role|roles|permissions?|tags?|labels?|"
    r"relation|color|colour|sku|slug|hash|md5|sha1|sha256|etag|checksum|schema|collection|field|model|service|"
    r"class|v|chunk size|upload date|severity|stage|region|group|segment|season|quiet|newsletter|quality)"
)
_DATES = re.compile(
    r"(?:.* )?(?:at|on|ts|time|timestamp|date|since|until|expires|expiry|deadline|start|end|updated|created|modified|"
    r"deleted|opened|closed|placed|seen|due|finished|started|changed|login|after|before|from|to|day|month|upload date)"
)
_STREET = re.compile(
    r"\b(?:street|st|road|rd|avenue|ave|lane|ln|drive|dr|boulevard|blvd|court|ct|place|pl|square|sq|highway|hwy|"
    r"terrace|crescent|parkway|pkwy|circle|nagar|marg|chowk|colony|layout|sector|society|path|gali|cross|main|apt|"
    r"suite|unit|rue|avenue|chemin|impasse|calle|avenida|paseo|plaza|carrer|via|viale|piazza|corso|rua|travessa|"
    r"praca|ulica|ul|p\.?o\.? box|flat|plot|house|h\.?no)\b\.?|(?:stra(?:ss|ß)e|str\.|weg|platz|allee|gasse|ring|"
    r"damm|ufer|straat|laan|plein|vägen|gatan|veien|vej)\b",
    re.IGNORECASE,
)


@lru_cache(maxsize=20_000)
def hint(path: tuple[str, ...]) -> NameHint | None:
    """Return what the names of a path say, the last one first; None where they say nothing."""
    names = [segment for segment in path if segment not in ("*", "<key>")]
    if not names:
        return None
    leaf = words_of(names[-1])
    parent = words_of(names[-2]) if len(names) > 1 else ""
    two = f"{parent} {leaf}"
    if _PERSON_PARENT.fullmatch(parent) and leaf in ("name", "names", "full", "nombre", "nom", "nome"):
        return NameHint("full_name", True)
    if parent in ("name", "names") or parent.endswith(" name"):
        special = {"first": "first_name", "given": "first_name", "middle": "first_name", "last": "last_name"}
        special.update({"family": "last_name", "surname": "last_name", "full": "full_name", "display": "full_name"})
        if leaf in special:
            return NameHint(special[leaf], True)
    for found, form in _KINDS_BY_NAME:
        if form.fullmatch(leaf) or (found.sure and parent and _telling(leaf) and form.fullmatch(two)):
            return found
    # `phones.number`, `email.value`: the word for the value says nothing, the one above it does.
    if parent and leaf in _SAYS_NOTHING:
        for found, form in _KINDS_BY_NAME:
            if found.sure and form.fullmatch(parent):
                return found
    return None


_SAYS_NOTHING = frozenset(
    {"value", "number", "no", "id", "text", "raw", "data", "line 1", "primary", "main", "home", "work"}
)


def _telling(leaf: str) -> bool:
    """Whether a leaf's name joins that of its parent: `card.number` is a card's number."""
    return leaf in ("number", "no", "num", "nr", "name", "address", "code", "hash", "date", "id", "line 1", "line 2")


@lru_cache(maxsize=20_000)
def is_technical(path: tuple[str, ...]) -> bool:
    """Whether the last name is one of those that an application counts, orders and switches by."""
    names = [segment for segment in path if segment not in ("*", "<key>")]
    return bool(names) and bool(_TECHNICAL.fullmatch(words_of(names[-1])))


@lru_cache(maxsize=20_000)
def is_date_name(path: tuple[str, ...]) -> bool:
    """Whether the last name is one that a date of the application's own has."""
    names = [segment for segment in path if segment not in ("*", "<key>")]
    return bool(names) and bool(_DATES.fullmatch(words_of(names[-1])))


def is_street(text: str) -> bool:
    """Whether a line holds a number and one of the words that streets are called by."""
    return bool(_STREET.search(text))


def _word_lists() -> list[tuple[str, ...]]:
    """The lists of people's names that the masks draw from: the one place that knows how words.py offers them."""
    from ansible_collections.stagesync.aws.plugins.module_utils.masking import words

    return [names for locale in words.WORDS.values() for names in (locale.first_names, locale.last_names)]


class People:
    """The words that are names of people, without regard to case."""

    def __init__(self) -> None:
        self._known = {
            part.lower() for names in _word_lists() for name in names for part in name.split() if len(part) > 2
        } | _MORE_NAMES

    def knows(self, word: str) -> bool:
        return word.strip(".").lower() in self._known


def _names(text: str) -> set[str]:
    return set(text.split())


# Frequent ones of many countries, beside those that the masks make pseudonyms of.
_MORE_NAMES = _names(
    """
    gupta verma joshi mishra pandey chauhan yadav das bose banerjee kaur gill sethi bhatia arora chopra kulkarni patil
    naidu rao menon pillai nambiar hegde shenoy trivedi dutta saxena tiwari dubey chowdhury mathew fernandes dsouza
    ahmed aisha ajay akira alejandro alessandro ali alice ana anders andrea andrei anil anita anjali anna antonio
    anush arun asha ashok astrid bashir beatriz bjorn carlos carmen chen chiara claire deepak diego dimitri dinesh
    dmitri elena elif emeka emma erik fatima fernanda fernando francesca francesco giovanni giulia giuseppe gopal
    hans hassan hiroshi hussein ibrahim igor imran ines ingrid irina isabel ivan jan javier jens jesus jiri joao jose
    juan juana kamal karim katarzyna katarina kavita kenji khalid krzysztof lakshmi lars leila li ling luca lucia
    luigi magda mahesh manoj marco maria marie mario marta mateo mehmet mei mikhail ming mohamed mohammad mohan
    mustafa natalia neeraj nikhil nina olga olivia pablo paolo paulo pedro piotr pooja prakash priyanka rahul raj
    rajesh rakesh ramesh ravi rekha ricardo rohan rohit sachin sakura salma samir sandeep sanjay santosh sergei
    shreya sofia sophie stefan sunil sunita suresh sven svetlana takashi tomasz usha vijay vikram vinod vladimir wei
    xin yan yuki yusuf zainab zoe agarwal ahuja andersen andersson bauer becker bhat bianchi chatterjee chaudhari
    colombo costa desai deshmukh dubois esposito ferrari fischer garcia ghosh gomez gonzalez hansen hernandez
    hoffmann ivanov iyer jain jansen jensen johansson kapoor karlsson khan klein koch kovac kowalski krishnamurthy
    kumar lefebvre lopez malhotra mehta meyer mukherjee muller müller nair nakamura nguyen nielsen novak nowak olsen
    oliveira patel pereira perez petrov pillai popescu reddy ricci richter rodrigues rodriguez romano rossi russo
    sanchez santos sato schmidt schneider schroder schulz sen shah sharma shetty silva singh smirnov smith sousa
    suzuki takahashi tanaka thakur torres tran vogel wagner wang watanabe weber wolf yamamoto yilmaz zhang zhao
    zimmermann
    johnson williams jones brown davis wilson anderson thomas taylor moore jackson martin lee thompson white harris
    clark lewis robinson walker young allen king wright scott green baker adams nelson hill campbell mitchell roberts
    carter phillips evans turner parker collins edwards stewart morris murphy cook rogers morgan cooper peterson
    james john robert michael william david richard joseph charles christopher daniel matthew mark steven paul
    andrew joshua kevin brian george edward ronald timothy jason jeffrey ryan gary nicholas eric jonathan larry
    justin scott brandon benjamin samuel gregory frank alexander raymond patrick jack dennis jerry mary patricia
    jennifer linda elizabeth barbara susan jessica sarah karen nancy lisa betty margaret sandra ashley kimberly
    emily donna michelle carol amanda melissa deborah stephanie rebecca laura sharon cynthia kathleen amy angela
    shirley anna ruth brenda pamela nicole katherine samantha christine emma catherine debra virginia rachel carolyn
    janet maria heather diane julie joyce victoria kelly christina joan evelyn lauren judith megan cheryl andrea
    hannah martha jacqueline frances gloria ann teresa kathryn sara janice jean alice madison doris abigail julia
    """
)
