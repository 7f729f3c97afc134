"""A question: what the paper claims, the runs it takes, and how they become a table, a figure and a verdict."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from laborllm.report.page import Figure
from laborllm.report.table import Table
from laborllm.studies.protocol.runs import Scores
from laborllm.studies.protocol.study import Study

Holds = Literal["replicates", "does not replicate", "left open"]


@dataclass(frozen=True)
class Verdict:
    """Whether a claim of the paper holds here, in a word, and why, in a sentence or two with the numbers."""

    holds: Holds
    why: str


@dataclass(frozen=True)
class Answer:
    """What was found.

    Attributes:
        verdict: By the rule of the question.
        tables: By a short name for their files.
        figures: By a short name for their files.
        words: What is to be said besides, a paragraph each.
    """

    verdict: Verdict
    tables: Mapping[str, Table]
    figures: Mapping[str, Figure] = field(default_factory=dict)
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Question:
    """One question of a study.

    Attributes:
        number: As it is asked for.
        name: Short, for names of files.
        title: The question in words.
        claim: What the paper says.
        paper: The paper's figure.
        rule: How the verdict is decided, stated before anything is computed.
        runs: The scores it needs.
        answer: From them to an answer.
        reads_text: Whether it takes language models; a study of size smoke answers it only where it is asked for.
    """

    number: int
    name: str
    title: str
    claim: str
    paper: str
    rule: str
    runs: Callable[[Study], list[Scores]]
    answer: Callable[[Study], Answer]
    reads_text: bool = False


def all_above(intervals: Iterable[tuple[float | None, float | None]], value: float) -> bool | None:
    """Whether intervals lie above a value: true if all do, false if one lies below, and otherwise not decided."""
    known = [(low, high) for low, high in intervals if low is not None and high is not None]
    if any(high < value for _, high in known):
        return False
    return True if known and all(low > value for low, _ in known) else None


def all_below(intervals: Iterable[tuple[float | None, float | None]], value: float) -> bool | None:
    """Whether intervals lie below a value, decided as by `all_above`."""
    return all_above(
        [(None if high is None else -high, None if low is None else -low) for low, high in intervals], -value
    )


def verdict(holds: bool | None, why: str) -> Verdict:
    """None where the numbers do not decide."""
    return Verdict("left open" if holds is None else "replicates" if holds else "does not replicate", why)
