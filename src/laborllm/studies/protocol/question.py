"""A question: what the paper claims, the runs it takes, and how they become a table, a figure and a verdict."""

from collections.abc import Callable, Mapping
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
    """

    number: int
    name: str
    title: str
    claim: str
    paper: str
    rule: str
    runs: Callable[[Study], list[Scores]]
    answer: Callable[[Study], Answer]


def verdict(holds: bool | None, why: str) -> Verdict:
    """None where the numbers do not decide."""
    return Verdict("left open" if holds is None else "replicates" if holds else "does not replicate", why)
