"""What may leave the server of a forecast: whole people of a hundred, and nothing rarer than one of them.

A public answer about a single career could tell whether a model has seen it. So no likelihood is given of any career,
shares are rounded to people of a hundred, and what fewer than one of a hundred do is pooled.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from laborllm.forecasting.frequencies import largest_remainders, natural_frequencies
from laborllm.forecasting.simulation.result import Difference, Simulation
from laborllm.occupations import Taxonomy
from laborllm.serve.schema.forecasts import Change, Outcome, Part

OF = 100
FLOOR = 1 / OF  # a smaller share is not told from none
Shares = NDArray[np.floating]
Found = TypeVar("Found", Simulation, Difference)


def outcomes(simulation: Simulation, worker: int, year: int, top: int) -> list[Outcome]:
    """Where people like a worker are in one year: who stays first, then the most frequent moves, then all others.

    Args:
        simulation: Of W workers over K years.
        worker: Place among the workers.
        year: Place among the years.
        top: How many moves to name at most.
    """
    one = part_of(simulation, [worker], year)
    error, position = one.error[0, 0], one.taxonomy.position
    return [
        Outcome(
            kind=kind,
            code=code,
            title=title,
            of_100=people,
            low=low,
            high=high,
            error=None if code is None else _error(error[position[code]]),
        )
        for kind, code, title, people, low, high in natural_frequencies(one, of=OF, top=top)
        .select("kind", "code", "title", "people", "low", "high")
        .iter_rows()
        if people or kind == "other"
    ]


def part_of(found: Found, workers: Sequence[int], year: int | None = None) -> Found:
    """What was found of some of its workers, in all years or in one.

    Args:
        found: A simulation of W workers over K years, or how two versions of them differ.
        workers: Places among the workers, in the order wanted.
        year: Place among the years; default: all years.
    """
    at, years = np.array(workers, dtype=np.intp), slice(None) if year is None else slice(year, year + 1)
    part = replace(
        found,
        workers=found.workers[at],
        years=found.years[at, years],
        probability=found.probability[at, years],
        error=found.error[at, years],
    )
    if not isinstance(part, Simulation):
        return replace(part, before=part.before[at, years])
    return replace(part, occupation=part.occupation[at][:, :, years])


def joined(pieces: Sequence[Simulation]) -> Simulation:
    """Simulations of some workers each, of the same numbers of years and paths, as one of all of them."""
    if len(pieces) == 1:
        return pieces[0]
    return replace(
        pieces[0],
        workers=pl.concat([piece.workers for piece in pieces]),
        years=np.concatenate([piece.years for piece in pieces]),
        probability=np.concatenate([piece.probability for piece in pieces]),
        error=np.concatenate([piece.error for piece in pieces]),
        occupation=np.concatenate([piece.occupation for piece in pieces]),
    )


def parts(simulation: Simulation, worker: int, year: int) -> list[Part]:
    """Where people like a worker are in one year, by group of occupations, in the order of the taxonomy.

    Args:
        simulation: Of W workers over K years.
        worker: Place among the workers.
        year: Place among the years.
    """
    names = list(dict.fromkeys(simulation.taxonomy.groups))
    people = whole_people(group_shares(simulation.probability[worker, year], simulation.taxonomy))
    return [Part(group=name, of_100=number) for name, number in zip(names, people, strict=True)]


def group_shares(share: Shares, taxonomy: Taxonomy) -> NDArray[np.float64]:
    """Shares of the groups of a taxonomy, (..., G), from shares of its occupations, (..., J)."""
    names = list(dict.fromkeys(taxonomy.groups))
    member = np.array([[group == name for name in names] for group in taxonomy.groups], dtype=np.float64)
    found: NDArray[np.float64] = share.astype(np.float64) @ member
    return found


def changes(difference: Difference, year: int, top: int) -> list[Change]:
    """The occupations that differ most between two versions of a career, at least one person of a hundred.

    Both versions are counted in whole people first, as a forecast of each counts them: differences of the shares
    themselves, of one career from many others, would add up to shares that are no longer coarse.

    Args:
        difference: Of one worker over K years.
        year: Place among the years.
        top: How many occupations to name at most.
    """
    first, other = difference.before[0, year], (difference.before + difference.probability)[0, year]
    people = people_of(other) - people_of(first)
    largest = [column for column in np.argsort(-np.abs(people), kind="stable").tolist() if people[column]]
    return [
        Change(
            code=difference.taxonomy.codes[column],
            title=difference.taxonomy.titles[column],
            of_100=int(people[column]),
            error=_error(difference.error[0, year, column]),
        )
        for column in largest[:top]
    ]


def people_of(shares: Shares) -> NDArray[np.int64]:
    """Each share by itself as whole people of a hundred; those of less than one are none."""
    return np.where(shares < FLOOR, 0, np.rint(OF * shares.astype(np.float64))).astype(np.int64)


def whole_people(shares: Sequence[float] | Shares) -> list[int]:
    """Shares as whole people of a hundred that add up to a hundred."""
    whole: list[int] = largest_remainders(np.asarray(shares, dtype=np.float64), OF).tolist()
    return whole


def _error(error: float) -> float:
    """A Monte Carlo error in people of a hundred."""
    return round(OF * float(error), 1)
