"""What is written for each occupation of a taxonomy: its title, a code, or a perturbed title.

The perturbations ask what the words of a title are worth to a language model: spelt shorter or said otherwise they mean
the same, with "Sr." before them nearly so, shuffled they are the same words with another meaning, and a number has
none. Each is a fixed rule of our own.
"""

import hashlib
import re
from collections.abc import Callable, Sequence
from typing import Literal

from laborllm.errors import TaxonomyError
from laborllm.occupations import Taxonomy

Titles = Literal["literal", "numeric", "abbreviated", "reworded", "senior", "shuffled"]

ABBREVIATIONS = {
    "accounting": "acctg",
    "administrative": "admin",
    "administrator": "admr",
    "advertising": "adv",
    "agent": "agt",
    "agricultural": "ag",
    "analyst": "anlst",
    "and": "&",
    "assistant": "asst",
    "attendant": "attd",
    "automobile": "auto",
    "biological": "bio",
    "building": "bldg",
    "chemical": "chem",
    "clerk": "clk",
    "clinical": "clin",
    "computer": "comp",
    "construction": "constr",
    "customer": "cust",
    "director": "dir",
    "education": "educ",
    "electrical": "elec",
    "engineer": "engr",
    "engineering": "engrg",
    "equipment": "equip",
    "executive": "exec",
    "financial": "fin",
    "general": "gen",
    "government": "govt",
    "industrial": "indl",
    "inspector": "insp",
    "installer": "instlr",
    "instructor": "instr",
    "insurance": "ins",
    "laboratory": "lab",
    "machine": "mach",
    "maintenance": "maint",
    "management": "mgmt",
    "manager": "mgr",
    "marketing": "mktg",
    "mechanic": "mech",
    "mechanical": "mechl",
    "medical": "med",
    "office": "ofc",
    "officer": "ofcr",
    "operator": "opr",
    "other": "oth",
    "personnel": "pers",
    "physical": "phys",
    "production": "prodn",
    "programmer": "progmr",
    "recreation": "rec",
    "registered": "reg",
    "repairer": "repr",
    "representative": "rep",
    "science": "sci",
    "secretaries": "secs",
    "secretary": "sec",
    "service": "svc",
    "social": "soc",
    "specialist": "spec",
    "supervisor": "supv",
    "systems": "sys",
    "teacher": "tchr",
    "technical": "techl",
    "technician": "tech",
    "telecommunications": "telecom",
    "transportation": "transp",
    "unemployed": "unempl",
    "university": "univ",
    "vehicle": "veh",
    "vocational": "voc",
    "worker": "wkr",
}
"""Words, most in the singular, as forms and payrolls abbreviate them."""

SYNONYMS = {
    "assistant": "aide",
    "attendant": "steward",
    "automobile": "car",
    "clerk": "clerical worker",
    "cook": "chef",
    "counselor": "adviser",
    "inspector": "examiner",
    "janitor": "custodian",
    "laborer": "manual worker",
    "lawyer": "attorney",
    "manager": "director",
    "operator": "operative",
    "physician": "medical doctor",
    "repairer": "repair specialist",
    "representative": "agent",
    "salesperson": "seller",
    "scientist": "researcher",
    "supervisor": "overseer",
    "teacher": "educator",
    "technician": "technical specialist",
}
"""Words in the singular, and others that say the same."""

STATES_REWORDED = {
    "unemployed": "Looking for work",
    "not_in_labor_force": "Outside the labor force",
    "in_education": "Enrolled in school",
    "not_working": "Without work",
}


def title_texts(taxonomy: Taxonomy, kind: Titles, seed: int) -> tuple[str, ...]:
    """What is written for each occupation of a taxonomy.

    Args:
        taxonomy: The J occupations.
        kind: The rule, such as "literal", "numeric" or "shuffled".
        seed: Decides codes and what is shuffled.

    Returns:
        J strings, no two alike.

    Raises:
        TaxonomyError: The rule would write two titles alike.
    """
    texts = WRITERS[kind](taxonomy, seed)
    first: dict[str, str] = {}
    for title, text in zip(taxonomy.titles, texts, strict=True):
        if text in first:
            raise TaxonomyError(
                f"taxonomy {taxonomy.name}: {first[text]!r} and {title!r} are both {text!r} as {kind} titles"
            )
        first[text] = title
    return tuple(texts)


def abbreviated(title: str) -> str:
    """The title with its common words cut short."""
    return _replaced(title, ABBREVIATIONS)


def reworded(title: str) -> str:
    """The title with other words for common ones, and in another order where that is plain English."""
    return _capitalised(_replaced(_reordered(title), SYNONYMS))


def _numbered(taxonomy: Taxonomy, seed: int) -> list[str]:
    """Codes without meaning: their numbers do not follow the taxonomy, which puts similar occupations side by side."""
    texts = [""] * len(taxonomy)
    for number, column in enumerate(_random_order(taxonomy, seed)):
        texts[column] = f"job_{number}"
    return texts


def _shuffled(taxonomy: Taxonomy, seed: int) -> list[str]:
    """Each occupation with the title of the one after it in random order, so that none keeps its own."""
    order = _random_order(taxonomy, seed)
    texts = list(taxonomy.titles)
    for column, other in zip(order, order[1:] + order[:1], strict=True):
        texts[column] = taxonomy.titles[other]
    return texts


def _random_order(taxonomy: Taxonomy, seed: int) -> list[int]:
    """Columns in the order of a hash of seed and code, which no version of a library changes."""
    hashes = [hashlib.blake2b(f"{seed}:{code}".encode(), digest_size=8).digest() for code in taxonomy.codes]
    return sorted(range(len(taxonomy)), key=hashes.__getitem__)


def _reworded(taxonomy: Taxonomy, seed: int) -> list[str]:
    occupations = zip(taxonomy.codes, taxonomy.titles, strict=True)
    return [STATES_REWORDED.get(code) or reworded(title) for code, title in occupations]


def _senior(taxonomy: Taxonomy, seed: int) -> list[str]:
    occupations = zip(taxonomy.codes, taxonomy.titles, strict=True)
    return [title if code in taxonomy.states else f"Sr. {_lowered(title)}" for code, title in occupations]


WRITERS: dict[Titles, Callable[[Taxonomy, int], Sequence[str]]] = {
    "literal": lambda taxonomy, seed: taxonomy.titles,
    "numeric": _numbered,
    "abbreviated": lambda taxonomy, seed: [abbreviated(title) for title in taxonomy.titles],
    "reworded": _reworded,
    "senior": _senior,
    "shuffled": _shuffled,
}


def _replaced(title: str, table: dict[str, str]) -> str:
    """The title with each word replaced that the table has, or whose singular it has; capitals stay."""

    def replace(found: re.Match[str]) -> str:
        word = found[0]
        lower = word.lower()
        singular = lower.removesuffix("s")
        new = table.get(lower) or (f"{table[singular]}s" if singular in table else word)
        return _capitalised(new) if word[0].isupper() else new

    return re.sub(r"[^\W\d_]+", replace, title)


def _reordered(title: str) -> str:
    """The title in another order, where that is plain English.

    "Other clerks" becomes "clerks of other kinds"; a row of single words, such as "Painters, sculptors and
    printmakers", is said from its end; "Civil engineers" becomes "engineers, civil", as an index has it, unless there
    is an "of" in it.
    """
    kind = title.removeprefix("Other ")
    if kind != title:
        return f"{kind} of other kinds"
    row = re.split(r", and |, | and ", _lowered(title))
    if len(row) > 1 and not any(" " in item for item in row):
        last, *others = row
        return f"{', '.join(others[::-1])}{',' if len(others) > 1 else ''} and {last}"
    *before, head = row[0].split()
    return f"{head}, {' '.join(before)}" if len(row) == 1 and before and "of" not in before else title


def _capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]


def _lowered(text: str) -> str:
    """With a small first letter, unless the first word is an acronym."""
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]
