"""The words of dates: months in the languages that resumes come in, parts of a year, and what stands around a date.

All are written as `folded` leaves a text: in lower case, without accents.
"""

import re
import unicodedata

MONTHS_BY_LANGUAGE = (
    "january february march april may june july august september october november december",
    "jan feb mar apr may jun jul aug sep oct nov dec",
    "januar februar marz april mai juni juli august september oktober november dezember",  # German
    "janner feber maerz apr mai jun jul aug sept okt nov dez",
    "janvier fevrier mars avril mai juin juillet aout septembre octobre novembre decembre",  # French
    "janv fevr mars avr mai juin juil aout sept oct nov dec",
    "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",  # Spanish
    "ene feb mar abr may jun jul ago sept oct nov dic",
    "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",  # Italian
    "gen feb mar apr mag giu lug ago set ott nov dic",
    "janeiro fevereiro marco abril maio junho julho agosto setembro outubro novembro dezembro",  # Portuguese
    "jan fev mar abr mai jun jul ago set out nov dez",
    "januari februari maart april mei juni juli augustus september oktober november december",  # Dutch
    "jan feb mrt apr mei jun jul aug sept okt nov dec",
    "januari februari mars april maj juni juli augusti september oktober november december",  # Swedish
    "januar februar marts april maj juni juli august september oktober november desember",  # Danish, Norwegian
)
MONTHS = {word: number for line in MONTHS_BY_LANGUAGE for number, word in enumerate(line.split(), start=1)}

ORDINALS = ("first", "second", "third", "fourth")
HALVES = ("h{0}", "{0}h", "{1} half", *(f"{{0}}{nth} half" for nth in ("st", "nd")), "{0}. halbjahr")
QUARTERS = (
    *("q{0}", "{0}q", "{1} quarter", *(f"{{0}}{nth} quarter" for nth in ("st", "nd", "rd", "th"))),
    *("t{0}", "{0}. quartal"),
)
PARTS = {
    "spring": (3, 5),
    "summer": (6, 8),
    "fall": (9, 11),
    "autumn": (9, 11),
    **dict.fromkeys(("early", "beginning", "begin", "start"), (1, 4)),
    **dict.fromkeys(("mid", "middle"), (5, 8)),
    **dict.fromkeys(("late", "end"), (9, 12)),
    **{
        form.format(number, nth): (months * (number - 1) + 1, months * number)
        for months, parts in ((6, HALVES), (3, QUARTERS))
        for number, nth in enumerate(ORDINALS[: 12 // months], start=1)
        for form in parts
    },
}
"""Part of a year -> its first and last month. Winter is none: it belongs to two years."""

BEFORE = re.compile(
    r"^(?:(?:since|from|starting|as of|until|till|to|circa|ca|c|about|around|approx|approximately|the"
    r"|seit|ab|bis|depuis|desde|hasta|dal)\b\.?|~)\s*"
    r"|^(?:mon|tue|tues|wed|wednes|thu|thur|thurs|fri|sat|satur|sun)(?:day)?\b[.,]*\s+"
)
"""What may stand before a date without changing it: a preposition, "about", the day of the week."""

TIME = re.compile(
    r"(?<=\d)(?:(?:t|\s+)\d{1,2}:\d\d.*|t\d{4}(?:\d\d)?(?:[.,]\d+)?(?:z|[+-]\d\d:?\d\d)?|z|[+-]\d\d:\d\d)$", re.ASCII
)
"""A time of day after a date, or its zone."""

OPEN_END = re.compile(
    r"(?:(?:to|til|till|until|up to)[ -])?(?:at )?(?:(?:the |this )?(?:present|current|now|today|date|day))"
    r"(?: (?:day|time|date|job|position|role|employer))?"
    r"|currently(?: employed)?|still(?: (?:employed|working|there|here|active))?|employed|active|open"
    r"|on[ -]?going|continuing"
    r"|(?:bis )?(?:heute|jetzt)|laufend"
    r"|aujourd.hui|present|(?:jusqu.)?a ce jour|en (?:cours|poste)|actuel(?:lement)?"
    r"|presente?|actual(?:idad|mente)?|la actualidad|hasta (?:la fecha|hoy|ahora|el presente|la actualidad)"
    r"|oggi|in corso|attuale|atual(?:mente)?|hoje|ate (?:hoje|o momento|o presente)"
    r"|heden|nu|i ?dag|\u73fe\u5728|\u73b0\u5728|\u81f3\u4eca|\ud604\uc7ac"
    r"|[-\u2013\u2014]|0000-00-00|0001-01-01|00/00/0000"
)
"""What is written in place of the end of a job that continues; the last three stand for no date in databases."""

RANGE = re.compile(
    r"(.*\w.*?)(?:\s+(?:-|to|till?|until|bis|hasta)\s+|\s*[\u2013\u2014]\s*|(?<=\d{4})-(?=\d{4}$|\D{3}))(.*\w.*)"
)
ONWARDS = re.compile(r"(.*\d)\s*(?:\+|-|\u2013|\u2014|onwards?|and later|to date)")
"""A beginning and an end in one cell, and a beginning of what has not ended."""

UNSEEN = re.compile(r"[\u00ad\u200b-\u200f\u2060\ufeff]")
HYPHENS = re.compile(r"[\u2010\u2011\u2212\ufe63\uff0d]")


def folded(text: str) -> str:
    """A text in lower case without accents and unseen letters, with blanks and hyphens of one kind.

    A dash stays a dash: 2004\u201305 is two years, where 2004-05 is a month.
    """
    seen = HYPHENS.sub("-", UNSEEN.sub("", text))
    apart = unicodedata.normalize("NFKD", seen.casefold())
    whole = "".join(letter for letter in apart if not unicodedata.combining(letter))
    return " ".join(unicodedata.normalize("NFC", whole).split())
