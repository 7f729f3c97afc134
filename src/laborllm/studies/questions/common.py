"""What several questions do: a figure with its numbers, a perplexity with its draws, a number in a column."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from laborllm.evaluation.arrays import Bools
from laborllm.evaluation.bootstrap import Bootstrapped, ClusterBootstrap
from laborllm.evaluation.design import Clusters
from laborllm.privacy import withhold
from laborllm.report.figures import Draw
from laborllm.report.numbers import interval, number
from laborllm.report.page import Figure
from laborllm.report.table import frame_table
from laborllm.studies.protocol.runs import Scores
from laborllm.studies.protocol.study import Study
from laborllm.studies.protocol.versions import Version

Numbers = NDArray[np.float64]


def figure(draw: Draw, frame: pl.DataFrame, caption: str) -> Figure:
    """A figure of a tidy frame, wide and narrow, with its numbers.

    Args:
        draw: Draws a tidy frame, wide or narrow.
        frame: What it draws.
        caption: What stands below the figure.
    """
    return Figure(draw(frame), frame_table("The numbers of this figure", frame), caption, draw(frame, narrow=True))


def losses(study: Study, scores: Scores) -> Numbers:
    """The negative log-probability of each observed record, (n,) nats."""
    return np.asarray(-study.cache.log_prob(scores)["log_prob"].to_numpy(), dtype=np.float64)


def perplexity(study: Study, scores: Scores) -> float:
    """Over all records that were scored."""
    return float(np.exp(losses(study, scores).mean()))


def drawn_means(
    study: Study, panel: Version | str, values: Sequence[Numbers], cells: NDArray[np.bool_] | None = None
) -> Bootstrapped:
    """Means of several values of each record of split test, and their draws by what the split is by.

    Args:
        study: The study.
        panel: Name of its panel, or a version of it.
        values: m of them, (n,) each.
        cells: Records to average over, (n, c); default: all of them, as one cell.

    Returns:
        Estimates (m, c).
    """
    careers = study.panel(panel).subset("test").observed()
    cluster = Clusters(careers.split_by).read(careers)
    bootstrap = ClusterBootstrap(cluster, np.ones(len(careers)), draws=study.size.draws)
    everything = np.ones((len(careers), 1), dtype=bool) if cells is None else cells
    return bootstrap.mean(np.stack(values, axis=1), everything)


def shown_cells(worker: pl.Series, partitions: Sequence[Mapping[str, Bools]]) -> dict[str, Bools]:
    """The cells of which a number may be shown, where that of all records together is known; see `privacy.withhold`.

    Args:
        worker: Whose each record is, (n,).
        partitions: Cells by name, (n,) each, of which no two of one partition overlap.

    Returns:
        Those shown, by name.
    """
    levels = [np.zeros(len(worker), dtype=np.intp)]
    for cells in partitions:
        levels.append(np.full(len(worker), len(cells)))  # the rest of the records
        for at, cell in enumerate(cells.values()):
            levels[-1][cell] = at
    people = worker.rank("dense").to_numpy().astype(np.intp) - 1
    _, *hidden = withhold(levels, people, rank=[0, *[1] * len(partitions)])
    return {
        name: cell
        for cells, mask in zip(partitions, hidden, strict=True)
        for (name, cell), is_hidden in zip(cells.items(), mask, strict=False)  # empty ones at the end have none
        if not is_hidden
    }


def ratio_cell(ratio: Bootstrapped) -> str:
    """A drawn mean of log ratios as a ratio with its 95 % interval."""
    found = ratio.exp()
    return with_interval(float(found.estimate), *found.interval, near_one=True)


def ratio_row(name: str, ratio: Bootstrapped) -> dict[str, str | float]:
    """A drawn mean of log ratios as a row of the figure `ratios`."""
    found = ratio.exp()
    low, high = found.interval
    return {"model": name, "estimate": float(found.estimate), "low": low, "high": high}


def with_interval(estimate: float | None, low: float | None, high: float | None, *, near_one: bool = False) -> str:
    """An estimate and its 95 % interval in a cell: 0.811 (0.803 to 0.820).

    Args:
        estimate: The estimate; None: there is none.
        low: Lower end of the interval.
        high: Its upper end.
        near_one: Write as many digits as tell a ratio from one.
    """
    within = interval(low, high, near_one=near_one)
    return number(estimate, near_one=near_one) + (f" ({within})" if within else "")


def two_decimals(value: float | None) -> str:
    """A perplexity with two decimals up to a hundred: good models lie close together."""
    return number(value) if value is None or value >= 100 else f"{value:.2f}"


def listed(names: Iterable[str]) -> str:
    """Names in a sentence: a, b and c."""
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last
