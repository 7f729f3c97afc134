"""What a simulation says, as tidy tables: where workers are, how long, how often they move, who returns to work.

Each table has a row per worker or group and year. Columns follow the long form of forecast hubs: `origin` (year of the
last observed record), `year`, `horizon` (years between the two), then what is counted.
"""

from fractions import Fraction

import numpy as np
import polars as pl
from numpy.typing import NDArray

from laborllm.errors import PanelError
from laborllm.forecasting.central import order_statistics
from laborllm.forecasting.simulation.result import Difference, Simulation

Bools = NDArray[np.bool_]

MARKS = (Fraction(1, 20), Fraction(1, 2), Fraction(19, 20))
"""The shares of paths at which `moves` marks the number of moves."""


def probabilities(simulation: Simulation, *, top: int | None = None) -> pl.DataFrame:
    """The distribution of every worker in every year.

    Args:
        simulation: W workers over K years.
        top: Keep this many occupations of each worker and year, the most probable first. Default: all, in the order of
            the taxonomy.

    Returns:
        Columns worker, origin, year, horizon, code, title, probability and error (Monte Carlo standard error).
    """
    taxonomy, occupations = simulation.taxonomy, len(simulation.taxonomy)
    rows = rows_of(simulation)
    probability, error = (part.reshape(len(rows), occupations) for part in (simulation.probability, simulation.error))
    kept = occupations if top is None else min(top, occupations)
    column = np.tile(np.arange(occupations), (len(rows), 1))
    if top is not None:
        column = np.argsort(-probability, axis=1, kind="stable")[:, :kept]
    at = np.repeat(np.arange(len(rows)), kept)
    flat = column.ravel()
    return rows[at].with_columns(
        pl.Series("code", np.array(taxonomy.codes)[flat]),
        pl.Series("title", np.array(taxonomy.titles)[flat]),
        pl.Series("probability", np.take_along_axis(probability, column, axis=1).ravel().astype(np.float64)),
        pl.Series("error", np.take_along_axis(error, column, axis=1).ravel().astype(np.float64)),
    )


def time_in_groups(simulation: Simulation) -> pl.DataFrame:
    """Expected number of the K records that every worker spends in each group of occupations.

    Returns:
        Columns worker, group and records (expected).
    """
    groups = simulation.taxonomy.groups
    names = list(dict.fromkeys(groups))
    member = np.array([[group == name for name in names] for group in groups], dtype=np.float64)  # (J, G)
    expected = simulation.probability.astype(np.float64).sum(axis=1) @ member  # (W, G)
    return (
        pl.DataFrame(expected, schema=names, orient="row")
        .select(pl.Series("worker", simulation.workers["worker"]), pl.all())
        .unpivot(index="worker", variable_name="group", value_name="records")
    )


def moves(simulation: Simulation) -> pl.DataFrame:
    """How many of the K records of every worker are moves: mean and 5, 50 and 95 % quantiles over paths.

    Returns:
        Columns worker, mean, low, median and high.
    """
    counts = _changes(simulation).sum(axis=2)  # (W, D)
    low, median, high = order_statistics(counts, MARKS, axis=1)
    return pl.DataFrame(
        {
            "worker": simulation.workers["worker"],
            "mean": counts.mean(axis=1),
            "low": low,
            "median": median,
            "high": high,
        }
    )


def survival(simulation: Simulation) -> pl.DataFrame:
    """The share of paths that have not left the last observed occupation up to each year.

    Returns:
        Columns worker, origin, year, horizon, survival and error; null for workers without an observed record.
    """
    kept = ~np.logical_or.accumulate(_changes(simulation), axis=2)  # (W, D, K)
    known = simulation.origin < len(simulation.taxonomy)
    return _with_share(simulation, "survival", kept, known)


def return_to_work(simulation: Simulation) -> pl.DataFrame:
    """The share of paths that have had a job again up to each year, for workers whose last observed record is a state.

    Returns:
        Columns worker, origin, year, horizon, returned and error; null for workers who had a job.

    Raises:
        PanelError: The taxonomy has no state.
    """
    is_state = _is_state(simulation)
    back = np.logical_or.accumulate(~is_state[simulation.occupation], axis=2)
    was_out = np.append(is_state, False)[simulation.origin]
    return _with_share(simulation, "returned", back, was_out)


def trajectories(simulation: Simulation, *, top: int = 3) -> pl.DataFrame:
    """The whole ways that most paths of each worker go, with their probabilities.

    Args:
        simulation: W workers over K years.
        top: Keep this many trajectories of each worker, the most frequent first.

    Returns:
        Columns worker, trajectory (1 for the most frequent), year, code, title, probability (the share of paths that go
        this way in all years) and error (its Monte Carlo standard error): a row for each year of a trajectory.
    """
    taxonomy, years = simulation.taxonomy, simulation.years.shape[1]
    of_worker, ways, paths = [], [], []
    for at, occupation in enumerate(simulation.occupation):
        found, counts = np.unique(occupation, axis=0, return_counts=True)
        first = np.argsort(-counts, kind="stable")[:top]
        of_worker += [at] * len(first)
        ways.append(found[first])
        paths.append(counts[first])
    column = np.concatenate(ways).ravel()
    probability = np.concatenate(paths) / simulation.draws
    table = {
        "worker": simulation.workers["worker"].gather(of_worker).gather(np.repeat(np.arange(len(of_worker)), years)),
        "trajectory": np.repeat(np.concatenate([np.arange(len(part)) + 1 for part in ways]), years),
        "year": simulation.years[of_worker].ravel(),
        "code": np.array(taxonomy.codes)[column],
        "title": np.array(taxonomy.titles)[column],
        "probability": np.repeat(probability, years),
        "error": np.repeat(np.sqrt(probability * (1 - probability) / simulation.draws), years),
    }
    return pl.DataFrame(table)


def _with_share(simulation: Simulation, name: str, happened: Bools, known: Bools) -> pl.DataFrame:
    """The share of paths, (W, D, K), in which something happened, and its standard error; null where not known."""
    share = np.where(known[:, None], happened.mean(axis=1), np.nan).ravel()
    error = np.sqrt(share * (1 - share) / simulation.draws)
    return rows_of(simulation).with_columns(
        pl.Series(name, share).fill_nan(None), pl.Series("error", error).fill_nan(None)
    )


def rows_of(simulation: Simulation | Difference) -> pl.DataFrame:
    """worker, origin, year and horizon of each of the W K records, worker by worker."""
    horizon = simulation.years.shape[1]
    at = np.repeat(np.arange(len(simulation.workers)), horizon)
    return (
        simulation.workers[at]
        .select("worker", pl.col("year").alias("origin"))
        .with_columns(pl.Series("year", simulation.years.ravel()))
        .with_columns((pl.col("year") - pl.col("origin")).alias("horizon"))
    )


def _changes(simulation: Simulation) -> Bools:
    """Whether each record of each path is a move, (W, D, K). A first record is none."""
    origin = np.broadcast_to(simulation.origin[:, None, None], (*simulation.occupation.shape[:2], 1))
    before = np.concatenate([origin, simulation.occupation[:, :, :-1]], axis=2)
    return np.asarray((simulation.occupation != before) & (before < len(simulation.taxonomy)))


def _is_state(simulation: Simulation) -> Bools:
    taxonomy = simulation.taxonomy
    if not taxonomy.states:
        raise PanelError(f"taxonomy {taxonomy.name} has no states without a job: nobody can return to work")
    return np.isin(taxonomy.codes, taxonomy.states)
