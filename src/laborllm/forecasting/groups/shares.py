"""Groups: where a list of workers is by year, with an interval that says what it holds: draws, people, refits.

Every draw of a simulation is one future of the whole group, so counts over workers in each draw have the spread of
chance. If the workers are a sample, each future is of as many drawn from them with replacement, which adds who else
might have been in it. Simulations by models refitted on resampled careers add what is not known of the model. An error
that all people of a group share, measured on a backtest, adds that a model is wrong about a group, or a year unlike
others. What neither has seen, such as the deepest recession yet, is in no interval.
"""

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from laborllm.errors import OptionError, PanelError
from laborllm.forecasting.central import Numbers, central_interval
from laborllm.forecasting.groups.common_error import CommonError
from laborllm.forecasting.simulation.result import Simulation
from laborllm.panel import Panel
from laborllm.privacy import SMALLEST_CELL, withhold_counts
from laborllm.privacy.outputs import Output, checked

LEVEL = 0.9


def group_shares(
    simulations: Simulation | Sequence[Simulation],
    groups: Sequence[str] | None = None,
    *,
    major: bool = False,
    sampled: bool = False,
    level: float = LEVEL,
    common_error: CommonError | None = None,
) -> pl.DataFrame:
    """Expected share and count of every occupation among groups of workers, by year, with an interval of the count.

    Args:
        simulations: One simulation, or one by each refit of a model, of the same workers and years.
        groups: Group of each of the W workers. Default: all are one group.
        major: Count by group of occupations instead of single ones.
        sampled: The workers are a sample, so that the interval is to hold who is in it (by bootstrap). Default: the
            group is these workers.
        level: Share of futures that the interval holds.
        common_error: The error that all people of a group share, calibrated on a backtest. Default: none is held.

    Returns:
        Columns group, workers, year, code, title, share, count (expected), low and high (of the count), and holds: what
        the interval holds, "draws" and perhaps "people", "refits" and "common error".

    Raises:
        OptionError: A level that is no share.
        PanelError: The simulations are of other workers or years, the open years of workers differ, or the groups are
            not one per worker.

    Examples:
        >>> import laborllm as ll
        >>> panel = ll.import_synthetic(workers=50)
        >>> fitted = ll.fit("transition", panel)
        >>> paths = ll.simulate(fitted, panel, years=[2025], draws=100)
        >>> ll.group_shares(paths, major=True)["count"].sum().__round__()
        50
    """
    require_level(level)
    runs = [simulations] if isinstance(simulations, Simulation) else list(simulations)
    years = common_years(runs)
    first = runs[0]
    labels = np.array(["all"] * len(first.workers) if groups is None else list(groups))
    if len(labels) != len(first.workers):
        raise PanelError(f"{len(labels)} groups for {len(first.workers)} workers: give one for each")
    codes, titles, cell = _cells(first, major=major)
    parts = []
    for label in dict.fromkeys(labels.tolist()):
        rows = np.flatnonzero(labels == label)
        expected, drawn = _group_counts(runs, rows, cell, len(codes), sampled=sampled)
        if common_error is not None:
            drawn = common_error.spread(drawn, expected, _years_ahead(first, rows), len(rows), seed=first.seed)
        of_group = pl.lit(label).alias("group"), pl.lit(len(rows), pl.Int64).alias("workers")
        share = (pl.col("count") / len(rows)).alias("share")
        counts = _count_table(expected, central_interval(drawn, level), years, codes, titles)
        parts.append(counts.select(*of_group, "year", "code", "title", share, "count", "low", "high"))
    held = ["draws", *(["people"] if sampled else []), *(["refits"] if len(runs) > 1 else [])]
    held += [] if common_error is None else ["common error"]
    return pl.concat(parts).with_columns(holds=pl.lit(", ".join(held)))


def _count_table(
    expected: NDArray[np.float64],
    interval: tuple[Numbers, Numbers],
    years: NDArray[np.int16],
    codes: Sequence[str],
    titles: Sequence[str],
) -> pl.DataFrame:
    """Expected counts with their intervals, (years, cells) each, as columns year, code, title, count, low and high."""
    low, high = interval
    columns = {
        "year": np.repeat(years, len(codes)),
        "code": np.tile(codes, len(years)),
        "title": np.tile(titles, len(years)),
        "count": expected.ravel(),
        "low": low.ravel(),
        "high": high.ravel(),
    }
    return pl.DataFrame(columns)


def require_level(level: float) -> None:
    """Raise `OptionError` unless an interval can hold that share of futures: call it before long work, not after."""
    if not 0 < level < 1:
        raise OptionError(f"an interval cannot hold {level:g} of the futures: the level is above 0 and below 1")


def without_small_groups(shares: pl.DataFrame) -> tuple[pl.DataFrame, Output]:
    """Shares of the groups that may be shown: not of fewer than ten people, nor what would give such a group away.

    Args:
        shares: What `group_shares` gives.

    Returns:
        The rows kept, and what `disclosure.json` says of them. Of fewer than ten people in all every row is kept, for
        whoever asked, and it says that they are not for publication.
    """
    sizes = shares.select("group", "workers").unique(maintain_order=True)
    if sizes["workers"].sum() < SMALLEST_CELL:
        refused = f"fewer than {SMALLEST_CELL} people are behind it"
        return shares, Output("where groups are", checked("", sizes, ["group"]).cells, refused=refused)
    kept = withhold_counts(sizes)
    shown = shares.join(kept.select("group"), on="group", how="semi", maintain_order="left")
    return shown, checked("where groups are", kept, ["group"], left_out=len(sizes) - len(kept))


def values_by_worker(panel: Panel, column: str) -> list[str]:
    """The last known value of a column of each worker, in the order of the panel; "unknown" where there is none.

    Raises:
        PanelError: The panel has no such column.
    """
    if column not in panel.records.columns:
        raise PanelError(f"the panel has no column {column!r} to group by: use {', '.join(panel.records.columns)}")
    last = panel.records.group_by("worker", maintain_order=True).agg(pl.col(column).drop_nulls().last())
    return last[column].cast(pl.String).fill_null("unknown").to_list()


def _group_counts(
    runs: Sequence[Simulation], rows: NDArray[np.intp], cell: NDArray[np.intp], cells: int, *, sampled: bool
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """How many of some workers are in each of C cells in each year: expected, (K, C), and in each future, (F, K, C)."""
    expected = np.mean([_sum_cells(run.probability[rows].sum(axis=0), cell, cells) for run in runs], axis=0)
    paths = [_resampled(run.occupation[rows], run.seed) if sampled else run.occupation[rows] for run in runs]
    return expected, np.concatenate([_counts(path, cell, cells) for path in paths])


def _years_ahead(simulation: Simulation, rows: NDArray[np.intp]) -> NDArray[np.float64]:
    """Years since the last record of some workers, on average, (K,); at least one, where none of them has a record."""
    origin = simulation.workers["year"].to_numpy()[rows].astype(np.float64)
    ahead = simulation.years[rows] - np.where(np.isnan(origin), simulation.years[rows, 0] - 1, origin)[:, None]
    return np.asarray(ahead.mean(axis=0))


def _cells(simulation: Simulation, *, major: bool) -> tuple[list[str], list[str], NDArray[np.intp]]:
    """Codes and titles of the C things that are counted, and the number of the one that each occupation is in, (J,)."""
    taxonomy = simulation.taxonomy
    if not major:
        return list(taxonomy.codes), list(taxonomy.titles), np.arange(len(taxonomy))
    names = list(dict.fromkeys(taxonomy.groups))
    return names, names, np.array([names.index(group) for group in taxonomy.groups])


def _sum_cells(values: NDArray[np.floating], cell: NDArray[np.intp], cells: int) -> NDArray[np.float64]:
    """(K, C) sums of (K, J) over the occupations of each cell."""
    out = np.zeros((len(values), cells))
    np.add.at(out.T, cell, values.T.astype(np.float64))
    return out


def _counts(occupation: NDArray[np.int16], cell: NDArray[np.intp], cells: int) -> NDArray[np.int64]:
    """How many workers are in each cell in each draw and year, (D, K, C)."""
    draws, horizon = occupation.shape[1:]
    future = np.arange(draws * horizon).reshape(draws, horizon)
    flat = (future * cells + cell[occupation]).ravel()
    return np.bincount(flat, minlength=draws * horizon * cells).reshape(draws, horizon, cells)


def _resampled(occupation: NDArray[np.int16], seed: int) -> NDArray[np.int16]:
    """In each draw, as many workers drawn with replacement, (W, D, K)."""
    workers, draws, _ = occupation.shape
    chosen = np.random.default_rng(seed).integers(workers, size=(workers, draws))
    return occupation[chosen, np.arange(draws)]


def require_alike(runs: Sequence[Simulation]) -> None:
    """Raise `PanelError` unless there are simulations, and all of them are of the same workers and years."""
    if not runs:
        raise PanelError("there is no simulation: give one, or one by each refit of a model")
    first = runs[0]
    for run in runs:
        if not (run.workers["worker"].equals(first.workers["worker"]) and np.array_equal(run.years, first.years)):
            raise PanelError("the simulations are of other workers or other years: simulate the same careers")


def common_years(runs: Sequence[Simulation]) -> NDArray[np.int16]:
    """The years that all simulations are of, (K,).

    Raises:
        PanelError: There is none, they are of other workers or years, or the open years of workers differ.
    """
    require_alike(runs)
    years: NDArray[np.int16] = runs[0].years[0]
    if not (runs[0].years == years).all():
        raise PanelError("the open years of workers differ: a group needs the same years for all")
    return years
