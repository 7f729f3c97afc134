"""Natural frequencies: a forecast said as people say it, "of 100 people with this history, 52 stay".

Staying comes first, then the most frequent moves, then all others; whole numbers that add up. People read such counts
more rightly than probabilities (Gigerenzer and Hoffrage 1995).
"""

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from laborllm.errors import OptionError, PanelError
from laborllm.forecasting.groups.shares import require_alike
from laborllm.forecasting.simulation.result import Simulation
from laborllm.forecasting.summaries import moves, return_to_work, rows_of, survival, time_in_groups
from laborllm.models.forecasts.forecast import Forecast
from laborllm.occupations import Taxonomy
from laborllm.occupations.taxonomy import OTHERS
from laborllm.panel import Panel, over

Floats = NDArray[np.float64]

PEOPLE = 100
TOP = 5
RANGE = (0.05, 0.95)
"""The part of the refits that `low` and `high` span."""


def natural_frequencies(found: Simulation | Sequence[Simulation], *, of: int = PEOPLE, top: int = TOP) -> pl.DataFrame:
    """Say where each worker of a simulation is in each year as people out of `of`.

    Args:
        found: A simulation, or one by each refit of a model, of the same workers and years.
        of: How many people with the same history to speak of.
        top: How many moves to name.

    Returns:
        Columns worker, origin, year, horizon, kind ("stay", "move", "other"; "first" in place of both where no
        occupation before is known), code, title, people (whole numbers that add up to `of`, by the largest remainders),
        and low and high: the counts that nine in ten refits lie between, null for a single simulation.

    Raises:
        OptionError: Fewer than one person or one move.
        PanelError: There is no simulation, or they are of other workers or other years.

    Examples:
        >>> import laborllm as ll
        >>> panel = ll.import_synthetic(workers=50)
        >>> paths = ll.simulate(ll.fit("transition", panel), panel, years=[2025], draws=10)
        >>> ll.natural_frequencies(paths, top=2).filter(pl.col("worker") == paths.workers["worker"][0])["people"].sum()
        100
    """
    runs = [found] if isinstance(found, Simulation) else list(found)
    require_alike(runs)
    first = runs[0]
    rows, occupations = rows_of(first), len(first.taxonomy)
    probabilities = np.stack([run.probability.reshape(len(rows), occupations) for run in runs]).astype(np.float64)
    before = np.repeat(first.origin, first.years.shape[1])
    return _in_people(rows, probabilities, before, first.taxonomy, of, top)


def next_frequencies(forecast: Forecast, panel: Panel, *, of: int = PEOPLE, top: int = TOP) -> pl.DataFrame:
    """Say a forecast of single records as people out of `of`.

    Args:
        forecast: A forecast, such as `laborllm.forecast` makes with a year.
        panel: The careers it was made of.
        of: How many people with the same history to speak of.
        top: How many moves to name.

    Returns:
        Columns worker, year, kind, code, title, people, low and high, as in `natural_frequencies`.

    Raises:
        OptionError: Fewer than one person or one move.
        PanelError: The forecast has records that neither are in the panel nor follow a career of it.

    Examples:
        >>> import laborllm as ll
        >>> panel = ll.import_synthetic(workers=50)
        >>> next_year = ll.forecast(ll.fit("transition", panel), panel, year=2031)
        >>> ll.next_frequencies(next_year, panel, top=1)["kind"].to_list()[:3]
        ['stay', 'move', 'other']
    """
    rows = forecast.records.select("worker", "year")
    before = _before(rows, over(panel, forecast.taxonomy))
    probabilities = np.exp(forecast.log_prob.astype(np.float64))[None]
    return _in_people(rows, probabilities, before, forecast.taxonomy, of, top)


def person_tables(runs: Sequence[Simulation]) -> dict[str, pl.DataFrame]:
    """What a simulation says of each worker, by name of the table.

    Args:
        runs: One simulation, or one by each refit of a model, whose range the natural frequencies give.

    Returns:
        Natural frequencies, time in groups, moves, survival, and, where the taxonomy has states, return to work.

    Raises:
        PanelError: There is no simulation, or they are of other workers or other years.
    """
    of_all, first = natural_frequencies(runs), runs[0]
    tables = {
        "natural_frequencies": of_all,
        "time_in_groups": time_in_groups(first),
        "moves": moves(first),
        "survival": survival(first),
    }
    return tables | ({"return_to_work": return_to_work(first)} if first.taxonomy.states else {})


def _before(rows: pl.DataFrame, panel: Panel) -> NDArray[np.intp]:
    """The column of the occupation before each row of workers and years, (n,); J where there is none."""
    observed = panel.records.filter(pl.col("occupation").is_not_null()).select(
        "worker", year=pl.col("year").cast(pl.Int64) + 1, occupation="occupation"
    )
    asked = rows.with_columns(pl.col("year").cast(pl.Int64)).with_row_index("row").sort("year")
    if asked.join(panel.records, on="worker", how="anti").height:
        raise PanelError("the forecast is of workers whom the panel does not have")
    joined = asked.join_asof(observed.sort("year"), on="year", by="worker", strategy="backward", check_sortedness=False)
    return panel.taxonomy.columns(joined.sort("row")["occupation"])


def _in_people(
    rows: pl.DataFrame, shares: Floats, before: NDArray[np.intp], taxonomy: Taxonomy, of: int, top: int
) -> pl.DataFrame:
    """rows: n. shares: by refit, (R, n, J). before: column of the occupation before, (n,)."""
    if of < 1 or top < 1:
        raise OptionError(f"natural frequencies are of at least 1 person and 1 move, not {of} and {top}")
    mean = shares.mean(axis=0)
    codes, titles = np.array(taxonomy.codes), np.array(taxonomy.titles)
    parts = []
    for at, chances in enumerate(mean):
        stay = [int(before[at])] if before[at] < len(taxonomy) else []
        ordered = np.argsort(-chances, kind="stable")
        others = [column for column in ordered[: top + 1].tolist() if column not in stay][:top]
        shown = stay + others
        each = np.column_stack([shares[:, at, shown], 1 - shares[:, at, shown].sum(axis=1)])  # (R, shown + 1)
        low, high = (of * np.quantile(each, RANGE, axis=0)).round().astype(int)
        named = {
            "kind": ["stay"] * len(stay) + ["move" if stay else "first"] * len(others) + ["other"],
            "code": [*codes[shown], None],
            "title": [*titles[shown], OTHERS],
            "people": largest_remainders(np.maximum(each.mean(axis=0), 0), of),
            "low": low if len(shares) > 1 else [None] * len(low),
            "high": high if len(shares) > 1 else [None] * len(low),
        }
        kinds: dict[str, type[pl.DataType]] = {"low": pl.Int64, "high": pl.Int64, "code": pl.String}
        parts.append(rows[at].join(pl.DataFrame(named, schema_overrides=kinds), how="cross"))
    return pl.concat(parts)


def largest_remainders(shares: Floats, total: int) -> NDArray[np.int64]:
    """Whole numbers in proportion to the shares that add up to `total` (Hamilton's method)."""
    exact = shares / shares.sum() * total
    whole: NDArray[np.int64] = np.floor(exact).astype(np.int64)
    short = total - int(whole.sum())
    whole[np.argsort(-(exact - whole), kind="stable")[:short]] += 1
    return whole
