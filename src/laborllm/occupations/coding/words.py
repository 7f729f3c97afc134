"""The normal form of a job title: what is left when spelling, order and rank no longer matter.

"Sr. Engineer, Civil", "civil engineers" and "CIVIL ENGINEER II" are one job. Titles are compared by their words, never
by their order, so a title and its inversion in an alphabetical index meet.
"""

import re
import unicodedata
from functools import lru_cache

ABBREVIATIONS = {
    "acct": "accountant",
    "adm": "administrative",
    "admin": "administrative",
    "assoc": "associate",
    "asst": "assistant",
    "attny": "attorney",
    "avp": "assistant vice president",
    "bcba": "board certified behavior analyst",
    "bdr": "business development representative",
    "bldg": "building",
    "capt": "captain",
    "ceo": "chief executive officer",
    "cfo": "chief financial officer",
    "cio": "chief information officer",
    "cmo": "chief marketing officer",
    "cna": "certified nursing assistant",
    "col": "colonel",
    "coo": "chief operating officer",
    "coord": "coordinator",
    "cpa": "certified public accountant",
    "cpl": "corporal",
    "csr": "customer service representative",
    "cto": "chief technology officer",
    "cust": "customer",
    "dept": "department",
    "dev": "developer",
    "dir": "director",
    "dr": "doctor",
    "emt": "emergency medical technician",
    "eng": "engineer",
    "engr": "engineer",
    "evp": "executive vice president",
    "exec": "executive",
    "gm": "general manager",
    "govt": "government",
    "hr": "human resources",
    "hvac": "heating ventilation air conditioning",
    "insp": "inspector",
    "it": "information technology",
    "jr": "junior",
    "lab": "laboratory",
    "lcsw": "licensed clinical social worker",
    "lpn": "licensed practical nurse",
    "lt": "lieutenant",
    "lvn": "licensed vocational nurse",
    "mach": "machine",
    "maint": "maintenance",
    "mech": "mechanical",
    "med": "medical",
    "mfg": "manufacturing",
    "mgmt": "management",
    "mgr": "manager",
    "mktg": "marketing",
    "ml": "machine learning",
    "nco": "noncommissioned officer",
    "ofc": "office",
    "oper": "operator",
    "ops": "operations",
    "pfc": "private first class",
    "qa": "quality assurance",
    "qc": "quality control",
    "reg": "registered",
    "rep": "representative",
    "rn": "registered nurse",
    "sde": "software development engineer",
    "sdet": "software development engineer in test",
    "sdr": "sales development representative",
    "sec": "secretary",
    "serv": "service",
    "sgt": "sergeant",
    "sr": "senior",
    "sre": "site reliability engineer",
    "ssgt": "staff sergeant",
    "supt": "superintendent",
    "supv": "supervisor",
    "supvr": "supervisor",
    "svc": "service",
    "svp": "senior vice president",
    "swe": "software engineer",
    "sysadmin": "systems administrator",
    "tech": "technician",
    "usaf": "us air force",
    "usmc": "us marine corps",
    "usn": "us navy",
    "vp": "vice president",
}
RANKS = frozenset(
    {
        "senior",
        "junior",
        "lead",
        "principal",
        "staff",
        "trainee",
        "intern",
        "interim",
        "acting",
        "former",
        "experienced",
        "full",
        "part",
        "time",
        "temporary",
        "seasonal",
        "freelance",
        "remote",
        "i",
        "ii",
        "iii",
        "iv",
        "v",
        "1",
        "2",
        "3",
        "4",
        "5",
    }
)
"""Words that say how high, how long or under which contract, not what is done."""

JOBS = frozenset({"lead", "principal", "staff"})
"""Words of rank that are the job where they end a title: an assistant principal, a team lead."""

WITHOUT_JOB = frozenset(
    [
        "student",
        "unemployed",
        "retired",
        "retiree",
        "homemaker",
        "volunteer",
        "jobless",
        "self",
        "employed",
        "seeking",
        "career",
        "break",
        "none",
        "na",
        "mother",
        "father",
        "mom",
        "mum",
        "mommy",
        "mummy",
        "dad",
        "daddy",
        "parent",
        "wife",
        "husband",
        "stay",
        "home",
        "full",
        "part",
        "time",
        "maternity",
        "paternity",
        "parental",
        "family",
        "medical",
        "leave",
        "sabbatical",
        "gap",
        "year",
    ]
)
"""Words that a title is made of if it names no job at all."""

LITTLE = frozenset(
    {
        "a",
        "an",
        "and",
        "as",
        "at",
        "by",
        "for",
        "from",
        "in",
        "of",
        "on",
        "or",
        "the",
        "to",
        "with",
        "n",
        "s",
        "ns",
        "nec",
        "etc",
    }
)
"""Words without weight; "n. s.", not specified, is one of them."""

YEAR = re.compile(r"(?:19|20)\d\d")
PEOPLE = re.compile(r"(?<=\w{3})(?:woman|women|men|person|people|lady|girl|boy)$")


def words(title: str) -> tuple[str, ...]:
    """The words of a title in the order one says them, in lower case, singular and spelt out; none if it has none.

    What stands behind a comma goes before ("Engineer, civil" is "civil engineer"), an exception is left out, and who is
    head of something is its manager.
    """
    text = _plain(title)
    text = re.sub(r"\bexc(?:ept\b|\.)[^,]*", "", text)
    text = re.sub(r"^\s*head of (?:the )?(.+)$", r"\1 manager", text)
    head, *qualifiers = text.split(",")
    said = " ".join([*qualifiers, head])
    return tuple(word for found in re.findall(r"[^\W_]+", said) for word in _spelt_out(found))


def without_rank(title: tuple[str, ...]) -> tuple[str, ...]:
    """The words that say what is done; none if all are of rank."""
    last = len(title) - 1
    kept = tuple(word for at, word in enumerate(title) if word not in RANKS or (at == last and word in JOBS))
    return kept if JOBS.isdisjoint(kept[:1]) or len(kept) > 1 else title


def without_place(title: str) -> str:
    """The title up to a dash, bracket, bar, slash, "@", "at" or "to": what follows says where or for whom, not what."""
    return re.split(r"\s[-\u2013\u2014]\s|[(\[|/@]|\s(?:at|to)\s", title, maxsplit=1, flags=re.IGNORECASE)[0]


def is_abbreviated(title: str) -> bool:
    """Whether a word of the title is an abbreviation: one that is spelt out here, or one in capitals among others, as
    in "NGS biostatistician"."""
    said = [word for word in re.findall(r"[^\W_]+", title) if word.casefold() not in RANKS]
    capitals = [word for word in said if word.isupper() and 2 <= len(word) <= LONGEST_ABBREVIATION]
    among_others = any(not word.isupper() and len(word) > 1 for word in said)
    return bool(capitals and among_others) or any(word.casefold() in ABBREVIATIONS for word in said)


LONGEST_ABBREVIATION = 6

FOREIGN = frozenset(
    ["au", "aux", "de", "del", "della", "der", "des", "di", "du", "el", "et", "für", "la", "le", "los", "und"]
)
"""Little words of French, German, Italian, Portuguese and Spanish that no English one is spelt like."""


def is_foreign(title: str) -> bool:
    """Whether a little word between others says that the title is not English, as in "chef de projet"."""
    said = re.findall(r"[^\W_]+", title.casefold())
    return not FOREIGN.isdisjoint(said[1:-1])


def ends_foreign(word: str) -> bool:
    """Whether a word that no list has, and that is the whole title, ends as words for people do in Italian, Portuguese
    and Spanish, such as "cajera", and in English hardly any but abbreviations, which are shorter."""
    return len(word) >= 5 and word.endswith(("a", "o"))


FOREIGN_LETTERS = re.compile("[ãäåæñõöøüßğłş]")
"""Letters of other languages, which no accent on an English word makes, as one does in "maître"."""


def has_foreign_letter(title: str) -> bool:
    """Whether a title has a letter that makes it a word of another language, whatever English word is spelt like it
    without: a "Bäcker" backs nobody."""
    return FOREIGN_LETTERS.search(unicodedata.normalize("NFC", title).lower()) is not None


STATE_TITLES = {
    "unemployed": (
        "unemployed",
        "jobless",
        "laid off",
        "was laid off",
        "furloughed",
        "job seeker",
        "jobseeker",
        "seeking work",
        "seeking employment",
        "looking for work",
        "between jobs",
        "out of work",
        "currently unemployed",
        "made redundant",
        "lost the job",
        "lost my job",
        "lost job",
    ),
    "in_education": (
        "student",
        "full-time student",
        "college student",
        "university student",
        "graduate student",
        "high school student",
    ),
    "not_in_labor_force": (
        "retired",
        "retiree",
        "homemaker",
        "housewife",
        "househusband",
        *(
            f"{how}{who}"
            for how in ("", "stay-at-home ", "full-time ")
            for who in ("mother", "mom", "mum", "father", "dad", "parent")
        ),
    ),
}
"""States that people write where a job title is asked for."""


def names_no_job(title: tuple[str, ...]) -> bool:
    """Whether the words say that there is no job, as "student" does."""
    return WITHOUT_JOB.issuperset(title) or _without_years(title) in _states_by_words()


def state_named(title: str) -> str | None:
    """The state that is written in place of a job title, perhaps with a year; None: the title names none."""
    return _states_by_words().get(_without_years(words(title)))


def _without_years(title: tuple[str, ...]) -> tuple[str, ...]:
    """The words in alphabetical order, less years and "since": "laid off since 2024" is "laid off"."""
    return tuple(sorted(word for word in title if word != "since" and not YEAR.fullmatch(word)))


@lru_cache(maxsize=1)
def _states_by_words() -> dict[tuple[str, ...], str]:
    return {_without_years(words(text)): state for state, texts in STATE_TITLES.items() for text in texts}


def _plain(title: str) -> str:
    text = title.casefold() if title.isascii() else _without_accents(title)
    text = re.sub(r"['\u2019]s?\b", "", text)
    return re.sub(r"\b(\w)\.(?=\w\b)", r"\1", text)  # r.n. is rn


UNSEEN = ("Mn", "Cf")  # accents, and marks of format such as a soft hyphen
DOTLESS_I = "\u0131"  # of Turkish keyboards; no accent, so no form of Unicode takes it for an i


def _without_accents(title: str) -> str:
    letters = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", title).casefold())
    shown = (letter for letter in letters if unicodedata.category(letter) not in UNSEEN)
    return "".join(shown).replace(DOTLESS_I, "i")


@lru_cache(maxsize=100_000)  # titles are many, their words few
def _spelt_out(word: str) -> tuple[str, ...]:
    one = _singular(word)
    parts = [PEOPLE.sub("man", _singular(part)) for part in ABBREVIATIONS.get(one, one).split()]
    return tuple(part for part in parts if part not in LITTLE)


def _singular(word: str) -> str:
    if len(word) < 4 or not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies"):
        return f"{word[:-3]}y" if len(word) > 4 else word[:-1]
    return word[:-2] if word.endswith(("ches", "shes", "sses", "xes")) else word[:-1]
