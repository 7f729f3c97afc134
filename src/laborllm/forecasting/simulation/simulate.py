"""Simulation: where careers go over the years to come, by drawing, closing and opening one record after the other.

    paths = simulate(fitted, panel, years=range(2025, 2031), draws=1000, seed=0)
    probabilities(paths, top=5)  # of each worker and year (see `summaries`)

The probability of an occupation in a year is the mean over paths of the exact one-step distribution, not a count of
draws (Rao-Blackwell; CAREER, arXiv 2202.08370, section 5): its error is smaller, and it is zero in the first year.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from torch import Tensor

from laborllm.forecasting.simulation.education import EducationByModel, EducationChain
from laborllm.forecasting.simulation.result import HELD, SCENARIO, Simulation
from laborllm.forecasting.simulation.walk import mean_and_error, origins_of, portions, undrawn, walk
from laborllm.models.contract import Forecaster
from laborllm.models.must_move import MustMove
from laborllm.models.registry import as_forecaster
from laborllm.models.taxonomies import as_read
from laborllm.panel import Panel
from laborllm.progress import progress

WAYS = 20
"""In how many ways education is drawn, at most: each takes a simulation of its own, on a share of the paths."""


def simulate(
    model: str | Path | Forecaster,
    panel: str | Path | Panel,
    *,
    years: Iterable[int] | None = None,
    draws: int = 1000,
    seed: int = 0,
    must_move: bool = False,
    education: EducationChain | EducationByModel | None = None,
    sample_titles: bool = False,
) -> Simulation:
    """Continue every career of a panel over its open records.

    Args:
        model: Any fitted model, or its run folder. One that carries its state along is much faster than one that starts
            over each year.
        panel: Careers, or the file that holds them. Covariates of their open records, such as a scenario has, hold on
            every path.
        years: Years to open records for after the last of each career, with the covariates of its last record.
            Default: the open records of the panel.
        draws: Paths of each worker.
        seed: Seed of the draws. The numbers of a worker do not depend on who else is in the panel.
        must_move: The first open record is a move: these people cannot stay where they are.
        education: Draws the education of the open records: a small chain, or a language model itself. Default: it is
            as they have it.
        sample_titles: From the second year on a language model draws titles token by token instead of scoring all of
            them: much faster a path, and shares are then counts of paths.

    Returns:
        Shares by year with their Monte Carlo error, the paths drawn, and what was assumed.

    Raises:
        PanelError: A career has no open record, or another number of them than the first one.
        OptionError: The model cannot sample titles, or draw education.

    Examples:
        >>> import laborllm as ll
        >>> panel = ll.import_synthetic(workers=50)
        >>> fitted = ll.fit("transition", panel)
        >>> paths = ll.simulate(fitted, panel, years=range(2025, 2028), draws=100)
        >>> paths.probability.shape == (50, 3, len(panel.taxonomy))
        True
        >>> paths.assumptions
        'covariates held at their last values'
    """
    fitted = as_forecaster(model)
    forecaster = MustMove(fitted) if must_move else fitted
    careers = panel if isinstance(panel, Panel) else Panel.load(Path(panel))
    opened = as_read(fitted, careers if years is None else careers.open(years))
    assumed = [SCENARIO if years is None else HELD, *(["the next record is a move"] if must_move else [])]
    origins_of(opened)
    assumed += ["titles sampled, paths counted"] if sample_titles else []
    if not isinstance(education, EducationChain):
        levels = () if education is None else education.known_to(fitted)
        found = _simulated(forecaster, opened, draws, seed, sample_titles=sample_titles, levels=levels)
        assumed[1:1] = [f"education drawn by the model among {len(levels)} levels"] if levels else []
    else:
        ways = max(way for way in range(1, min(WAYS, max(draws, 1)) + 1) if draws % way == 0)
        found = _schooled(forecaster, opened, education, ways, draws, seed, sample_titles=sample_titles)
        assumed.insert(1, f"education drawn in {ways} ways")
    return replace(found, assumptions="; ".join(assumed))


def _simulated(
    model: Forecaster, opened: Panel, draws: int, seed: int, *, sample_titles: bool, levels: Sequence[str] = ()
) -> Simulation:
    """The simulation of careers with open records, over the taxonomy of the model."""
    origins, open_years = origins_of(opened)
    workers, horizon = open_years.shape
    shape = (workers, horizon, len(opened.taxonomy))
    probability, error = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    occupation = np.empty((workers, draws, horizon), np.int16)
    with progress("simulate", workers * horizon, "worker-years") as advance:
        for rows, careers in portions(model, opened, draws):
            years = walk(model, careers, draws, seed=seed, sample_titles=sample_titles, levels=levels)
            before: Tensor | float = 0.0
            for year, (of_paths, drawn) in enumerate(years):
                probability[rows, year], error[rows, year] = mean_and_error(of_paths, before)
                before = undrawn(of_paths, drawn)
                occupation[rows, :, year] = drawn.cpu()
                advance(careers.workers)
    return Simulation(origins, open_years, opened.taxonomy, probability, error, occupation, seed)


def _schooled(
    model: Forecaster,
    opened: Panel,
    education: EducationChain,
    ways: int,
    draws: int,
    seed: int,
    *,
    sample_titles: bool,
) -> Simulation:
    """The simulation of careers whose education is drawn, in each of several ways on a share of the paths."""
    seeds = np.random.SeedSequence(seed).generate_state(ways).tolist()
    drawn = zip(education.draw(opened, ways, seed=seed), seeds, strict=True)
    runs = [_simulated(model, part, draws // ways, each, sample_titles=sample_titles) for part, each in drawn]
    return _together(runs, seed)


def _together(parts: Sequence[Simulation], seed: int) -> Simulation:
    """Simulations of the same workers, each with as many paths, as one; the error is that between them, and no
    less than that within them."""
    probability = np.stack([part.probability for part in parts])
    mean = probability.mean(axis=0)
    error = np.sqrt((np.stack([part.error for part in parts]) ** 2).sum(axis=0)) / len(parts)
    if len(parts) > 1:
        error = np.maximum(error, probability.std(axis=0, ddof=1) / len(parts) ** 0.5)
    occupation = np.concatenate([part.occupation for part in parts], axis=1)
    return replace(parts[0], probability=mean, error=error, occupation=occupation, seed=seed)
