"""The walk of a simulation: draw the next record of every path, close it, and open the one after it."""

from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import one_hot

from laborllm.errors import OptionError, PanelError
from laborllm.forecasting.simulation.draws import draw_next, worker_uniforms
from laborllm.models.contract import Forecaster
from laborllm.models.paths import Draws, DrawsEducation, paths_at_once, require_distributions
from laborllm.models.rescored import start_paths
from laborllm.panel import Panel
from laborllm.panel.order import first_records


def portions(model: Forecaster, panel: Panel, draws: int) -> Iterator[tuple[slice, Panel]]:
    """Some workers at a time, as many as have `paths_at_once` paths together.

    Args:
        model: Any fitted model.
        panel: The careers.
        draws: Paths of each worker.

    Yields:
        The places of the workers among all, and their careers.

    Raises:
        PanelError: Fewer than one path.
    """
    if draws < 1:
        raise PanelError(f"cannot draw {draws} paths: at least 1 is needed")
    at_once = max(1, paths_at_once(model) // draws)
    start_rows = [*np.flatnonzero(first_records(panel.records)).tolist(), len(panel)]
    for start in range(0, panel.workers, at_once):
        end = min(start + at_once, panel.workers)
        yield slice(start, end), panel.part(panel.records[start_rows[start] : start_rows[end]])


def walk(
    model: Forecaster, panel: Panel, draws: int, *, seed: int, sample_titles: bool = False, levels: Sequence[str] = ()
) -> Iterator[tuple[Tensor, Tensor]]:
    """Close the open records of every path, one after the other.

    Args:
        model: Any fitted model.
        panel: Careers of W workers with K open records each.
        draws: Paths of each worker, D.
        seed: Of the draws; those of a worker depend on no other worker.
        sample_titles: From the second year on, draw titles token by token.
        levels: Levels of education among which the model draws one for each open record; none: it is as they have it.

    Yields:
        For each year the distributions, (W, D, J) or (W, 1, J) where paths do not differ yet, and the columns drawn
        from them, (W, D). Of a year of sampled titles the distribution of a path is all on what it drew.

    Raises:
        OptionError: Titles are to be sampled, or education drawn, and the model reads no texts.
        RunError: The model gives what is no distribution.
    """
    origins, years = origins_of(panel)
    uniform = worker_uniforms(origins["worker"].to_list(), draws, years.shape[1], seed=seed)
    paths = start_paths(model, panel, draws)
    if sample_titles and not isinstance(paths, Draws):
        raise OptionError("this model samples no titles: a language model that scores their text does")
    if levels and not isinstance(paths, DrawsEducation):
        raise OptionError("this model does not say how education continues: draw it from an EducationChain")
    of_education = worker_uniforms(origins["worker"].to_list(), draws, years.shape[1], seed=_another(seed))
    previous = torch.from_numpy(panel.taxonomy.columns(origins["occupation"]))[:, None].expand(-1, draws)
    for year, numbers in enumerate(uniform):
        if isinstance(paths, DrawsEducation) and levels:
            paths.draw_education(levels, torch.from_numpy(of_education[year]))
        if isinstance(paths, Draws) and sample_titles and year:
            drawn = paths.draw(torch.from_numpy(numbers), previous)
            probability = one_hot(drawn, len(panel.taxonomy)).float()
        else:
            probability = require_distributions(paths.probability())
            flat = probability.expand(-1, draws, -1).flatten(0, 1)
            chances = torch.from_numpy(numbers).flatten().to(flat)
            drawn = draw_next(flat, previous.flatten().to(flat.device), chances).view(previous.shape)
        yield probability, drawn
        previous = drawn
        if year + 1 < len(uniform):
            paths.append(drawn)


def mean_and_error(of_paths: Tensor, undrawn_before: Tensor | float) -> tuple[Tensor, Tensor]:
    """The mean over paths of (W, D, J) numbers and its Monte Carlo standard error, (W, J) each; no error for one path,
    whose number is not random.

    Args:
        of_paths: A number of each path and occupation.
        undrawn_before: What `undrawn` gives of the year before, (W, J); zero for the first year. That those who are
            there stay is on no path, so the spread over paths does not have it: the error has that all of them do.
    """
    mean = of_paths.mean(dim=1)
    draws = of_paths.shape[1]
    error = ((of_paths.var(dim=1) + undrawn_before) / draws).sqrt() if draws > 1 else torch.zeros_like(mean)
    return mean.cpu(), error.cpu()


def undrawn(of_paths: Tensor, drawn: Tensor) -> Tensor:
    """The mean probability of each occupation that none of the D paths drew, (W, J); zero of the others."""
    return of_paths.mean(dim=1).scatter(1, drawn, 0)


def origins_of(panel: Panel) -> tuple[pl.DataFrame, NDArray[np.int16]]:
    """The last observed record of each worker (worker, year, occupation), and the years of the open ones, (W, K).

    Raises:
        PanelError: A career has no open record, or another number of them than the first one.
    """
    is_open = pl.col("occupation").is_null()
    careers = panel.records.group_by("worker", maintain_order=True).agg(
        pl.col("year").filter(~is_open).last(),
        pl.col("occupation").drop_nulls().last(),
        pl.col("year").filter(is_open).alias("open"),
    )
    counts = set(careers["open"].list.len())
    if not max(counts):
        raise PanelError("no career has an open record: say which years to open")
    if len(counts) != 1:
        raise PanelError(
            f"careers have from {min(counts)} to {max(counts)} open records: all must have the same number, at least "
            "one; say which years to open"
        )
    return careers.drop("open"), np.stack(careers["open"].to_list())


def _another(seed: int) -> int:
    """The seed of numbers that are independent of those of the seed itself."""
    return int(np.random.SeedSequence(seed).generate_state(1)[0])
