"""What the variables of an extract are: its codebook, variable list, Stata dictionary or tagset.

A variable has a reference number (R0046400; documents write R00464.00), the name of its question (CPSOCC70) and the
survey round it was asked in. One searches for the question and the round; the reference number is the column.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from laborllm.errors import SourceError


@dataclass(frozen=True)
class Frequency:
    """How many people of the whole cohort gave an answer from `first` to `last`, both included."""

    first: int
    last: int
    people: int
    label: str = ""


@dataclass(frozen=True)
class Variable:
    """A variable as a document of an extract describes it: a codebook says all of it, others the first few attributes.

    Attributes:
        reference: Reference number, such as R0046400.
        question: Name of the question; empty where the document has none (Stata dictionary, tagset).
        round: A year, or a word such as XRND (across rounds) or 78SCRN (the screener).
        title: What was asked, in words.
        frequencies: People by valid answer, as a codebook groups answers; empty where it groups none. The sum counts
            everyone with a valid answer.
        missing: Each missing code, and the people with it.
        people: All of the cohort.
    """

    reference: str
    question: str = ""
    round: str = ""
    title: str = ""
    frequencies: tuple[Frequency, ...] = ()
    missing: tuple[tuple[int, int], ...] = ()
    people: int | None = None


REFERENCE = re.compile(r"[A-Z]\d{7}")
DOTTED = r"(?P<letter>[A-Z]\d{5})\.(?P<number>\d{2})"

CODEBOOK_HEAD = re.compile(rf"^{DOTTED} +\[(?P<question>[^\]\n]+)\] +Survey Year: *(?P<round>\S+)[ \t]*$", re.MULTILINE)
TITLE = re.compile(r"(?: {10,}\S.*\n)+")
FREQUENCY = re.compile(
    r"^ *(?P<people>\d{1,9}) +(?P<first>-?\d{1,9})(?: TO (?P<last>-?\d{1,9}))?(?:(?::| ) *(?P<label>.*))?$"
)
RULE = "  -------"
MISSING_COUNTS = {
    -1: re.compile(r"^Refusal\(-1\) +(\d{1,9})", re.MULTILINE),
    -2: re.compile(r"^Don't Know\(-2\) +(\d{1,9})", re.MULTILINE),
    -3: re.compile(r"^Invalid Skip\(-3\) +(\d{1,9})", re.MULTILINE),
    -4: re.compile(r"VALID SKIP\(-4\) +(\d{1,9})"),
    -5: re.compile(r"NON-INTERVIEW\(-5\) +(\d{1,9})"),
}
TOTAL = re.compile(r"^TOTAL =+> +(\d{1,9})", re.MULTILINE)

LIST_LINE = re.compile(rf"^{DOTTED} +(?P<round>\S+) +(?P<title>\S.*?) +(?P<question>\S+) *$", re.MULTILINE)
DICTIONARY_LINE = re.compile(r'^ *(?P<reference>[A-Z]\d{7}) +(?:%\S+ +)?"(?P<title>[^"\n]*)" *$', re.MULTILINE)
TAGSET_LINE = re.compile(r"^[ \t]*(?P<reference>[A-Z]\d{7})[ \t]*$", re.MULTILINE)


def parse_variables(name: str, text: str) -> dict[str, Variable]:
    """Reference number -> variable, from the text of a document; the ending of its `name` says which kind it is.

    Raises `SourceError` if the text holds no variable or describes one twice.
    """
    what, parse = PARSERS[_ending(name)]
    variables: dict[str, Variable] = {}
    for variable in parse(text.replace("\r\n", "\n")):
        if variable.reference in variables:
            raise SourceError(f"{name}: the variable {variable.reference} is there twice")
        variables[variable.reference] = variable
    if not variables:
        raise SourceError(f"{name} is no {what} of the NLS Investigator: it names no variable")
    return variables


def is_document(name: str) -> bool:
    """Whether the ending of a file's name marks a document."""
    return _ending(name) in PARSERS


def _codebook(text: str) -> Iterator[Variable]:
    heads = list(CODEBOOK_HEAD.finditer(text))
    for head, following in zip_longest(heads, heads[1:]):
        yield _codebook_entry(head, text[head.end() : following.start() if following else None])


def _codebook_entry(head: re.Match[str], body: str) -> Variable:
    title = TITLE.search(body)
    missing = {code: found for code, count in MISSING_COUNTS.items() if (found := count.search(body))}
    counts = tuple((code, int(found[1])) for code, found in missing.items())
    total = TOTAL.search(body)
    skipped = sum(people for code, people in counts if code in (-4, -5))
    return Variable(
        _reference(head),
        head["question"].strip(),
        head["round"],
        " ".join(title[0].split()) if title else "",
        tuple(_frequencies(body)),
        counts if total else (),
        int(total[1]) + skipped if total else None,  # the total leaves valid skips and non-interviews out
    )


def _frequencies(body: str) -> Iterator[Frequency]:
    """The lines of the table above the rule of dashes; a label may continue in the next line."""
    table, rule, _ = body.partition(f"\n{RULE}")
    if not rule:
        return
    for line in table.rpartition("\n \n")[2].split("\n"):
        if found := FREQUENCY.match(line):
            first = int(found["first"])
            last = int(found["last"] or first)
            yield Frequency(first, last, int(found["people"]), (found["label"] or "").strip())


def _variable_list(text: str) -> Iterator[Variable]:
    for line in LIST_LINE.finditer(text):
        yield Variable(_reference(line), line["question"], line["round"], line["title"])


def _dictionary(text: str) -> Iterator[Variable]:
    for line in DICTIONARY_LINE.finditer(text):
        yield Variable(line["reference"], title=line["title"].strip())


def _tagset(text: str) -> Iterator[Variable]:
    for line in TAGSET_LINE.finditer(text):
        yield Variable(line["reference"])


PARSERS: dict[str, tuple[str, Callable[[str], Iterator[Variable]]]] = {
    ".cdb": ("codebook", _codebook),
    ".txt": ("codebook", _codebook),
    ".sdf": ("variable list", _variable_list),
    ".dct": ("Stata dictionary", _dictionary),
    ".nlsy": ("tagset", _tagset),
}


def _ending(name: str) -> str:
    """In lower case, without .gz, and without the year of a cohort."""
    return Path(name.lower().removesuffix(".gz")).suffix.rstrip("0123456789")


def _reference(found: re.Match[str]) -> str:
    return found["letter"] + found["number"]
