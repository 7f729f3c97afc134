"""Extracts of invented people, written as the NLS Investigator writes them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Column:
    """A variable and its answer from each person."""

    reference: str
    question: str
    round: str
    answers: Sequence[int]

    @property
    def dotted(self) -> str:
        return f"{self.reference[:6]}.{self.reference[6:]}"


def data(columns: Sequence[Column]) -> str:
    names = ",".join(f'"{column.reference}"' for column in columns)
    rows = zip(*(column.answers for column in columns), strict=True)
    return "\n".join([names, *(",".join(str(answer) for answer in row) for row in rows), ""])


def codebook(columns: Sequence[Column]) -> str:
    return ("-" * 80 + "\n").join(_entry(column) for column in columns)


def variable_list(columns: Sequence[Column]) -> str:
    head = f"\n\nReference\nNumber     Year    Variable Description  Question Name\n{'-' * 60}\n"
    lines = (
        f"{column.dotted}  {column.round:<7} WHAT  IS {column.question}    {column.question}" for column in columns
    )
    return head + "\n".join(lines) + "\n"


def dictionary(columns: Sequence[Column]) -> str:
    lines = (f'  {column.reference} "{column.question} {column.round[2:]}"' for column in columns)
    return "infile dictionary {\n" + "\n".join(lines) + "\n}\n"


def tagset(columns: Sequence[Column]) -> str:
    return "".join(f"{column.reference}\r\n" for column in columns)


def write(folder: Path, files: Mapping[str, str]) -> list[Path]:
    for name, text in files.items():
        (folder / name).write_text(text, newline="")
    return [folder / name for name in files]


def _entry(column: Column) -> str:
    counts = Counter(column.answers)
    valid = sorted(answer for answer in counts if answer >= 0)
    people = sum(counts[answer] for answer in valid)
    asked = people + sum(counts[code] for code in (-1, -2, -3))
    table = "".join(f"{counts[answer]:>8}{answer:>12} ANSWER {answer}\n" for answer in valid)
    return (
        f"{column.dotted}    [{column.question}]{'':<30}Survey Year: {column.round}\n  PRIMARY VARIABLE\n\n \n"
        f"             WHAT IS\n             {column.question}\n \nUNIVERSE: All\n \n{table}  -------\n{people:>8}\n \n"
        f"Refusal(-1){counts[-1]:>13}\nDon't Know(-2){counts[-2]:>10}\nInvalid Skip(-3){counts[-3]:>8}\n"
        f"TOTAL =========>{asked:>8}   VALID SKIP(-4){counts[-4]:>8}     NON-INTERVIEW(-5){counts[-5]:>8}\n \n"
        "Lead In: None.\n"
    )
