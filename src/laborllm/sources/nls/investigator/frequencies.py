"""Whether a codebook belongs to the data: each answer as frequent as the codebook says."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from laborllm.errors import SourceError
from laborllm.sources.nls.investigator.variables import Frequency, Variable

TOLERANCE = 0.01
"""How many people may differ from the codebook, as a share of the cohort. The Investigator's own codebooks are now and
then a few people off (REGION of 2000 by 3 of 12,686)."""


@dataclass(frozen=True)
class Difference:
    """An answer that more people gave, or fewer, than the codebook has.

    Attributes:
        where: The question, the round and the answer.
        what: How many people gave it, and how many the codebook has, in words.
        excess: How many people more, or fewer.
    """

    where: str
    what: str
    excess: int


def compare(values: pl.DataFrame, variables: Mapping[str, Variable]) -> dict[str, str]:
    """A note for each answer that is a little more or less frequent in `values` than in the codebook.

    With the whole cohort in the data the frequencies must be equal; with a part of it, the data must not have more.
    Raises `SourceError` where they are off by more than `TOLERANCE`.
    """
    notes = {}
    for variable in variables.values():
        for difference in _differences(values[variable.reference], variable):
            if difference.excess > TOLERANCE * (variable.people or 0):
                raise SourceError(f"the codebook does not fit the data: {difference.where}: {difference.what}")
            notes[f"codebook, {difference.where}"] = difference.what
    return notes


def _differences(answers: pl.Series, variable: Variable) -> Iterator[Difference]:
    stated = [Frequency(code, code, people) for code, people in variable.missing]
    stated += [frequency for frequency in variable.frequencies if frequency.first >= 0]  # below, missing codes mingle
    ordered = answers.drop_nulls().sort().to_numpy()
    before = np.searchsorted(ordered, [answer.first for answer in stated], side="left")
    until = np.searchsorted(ordered, [answer.last for answer in stated], side="right")
    for answer, found in zip(stated, (until - before).tolist(), strict=True):
        more = found - answer.people
        excess = abs(more) if len(answers) == variable.people else max(more, 0)
        if excess:
            which = f"{answer.first}" if answer.first == answer.last else f"{answer.first} to {answer.last}"
            where = f"{variable.question} of {variable.round} ({variable.reference}), answer {which}"
            yield Difference(where, f"{found} people, where the codebook has {answer.people}", excess)
