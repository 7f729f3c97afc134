"""Out-of-fold forecasts: each training career is forecast by a model that was fitted without it, for stacking.

A model gives the careers that it was fitted on more than it would give new ones, so another model that learns from such
forecasts trusts them too much. Here the training workers, or households, are divided into folds; the model is fitted
again without each fold in turn and forecasts it (cross-fitting; Wolpert 1992, stacked generalization). Split valid and
split test are forecast by the model as it is. The members of a mixture, and the model behind an offset, are fitted
again with it.
"""

from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from functools import reduce
from operator import or_
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from laborllm.errors import OptionError, PanelError, RunError
from laborllm.models.contract import Spec
from laborllm.models.forecasts.forecast import Forecast
from laborllm.models.registry import load, state_of
from laborllm.models.taxonomies import require_taxonomy
from laborllm.panel import Panel
from laborllm.panel.pooling import held_out_of
from laborllm.panel.split import folds_of
from laborllm.progress import progress
from laborllm.storage import MARKER, make_folder, remove_folder

KEY = 12  # digits of a hash in a name


def out_of_fold(run: Path, panel: Panel, *, folds: int, seed: int, scratch: Path) -> Forecast:
    """Forecast every record of a panel by a model that was not fitted on its worker.

    Args:
        run: Run folder of a model that was fitted on all of split train.
        panel: The panel of its fit.
        folds: How many parts the training workers, or households, are divided into.
        seed: Draws the folds.
        scratch: Folder in which each fit is kept, so that the work resumes after an interruption.

    Returns:
        The forecast, in the order of `panel`.

    Raises:
        OptionError: Fewer than two folds.
        PanelError: A fold without a worker.
        RunError: A model of another panel, or one made of what cannot be fitted again.
    """
    if folds < 2:
        raise OptionError(f"out-of-fold forecasts need two folds or more, not {folds}")
    model = load(run, held_out_by=panel)
    require_taxonomy(model, panel)
    place = _fits_of(run, folds, seed, scratch)
    training = panel.subset("train")
    fold = folds_of(training.records, panel.split_by, seed=seed, folds=folds)
    forecasts = [model.forecast(panel.part(panel.records.filter(pl.col("split") != "train")))]
    with progress("fit without each fold", folds, "folds") as advance:
        for number in range(folds):
            left_out = training.records.filter(fold == number)
            if left_out.is_empty():
                raise PanelError(f"{training.workers:,} training workers do not fill {folds} folds: use fewer")
            refitted = load(_refit(run, panel, _without(panel, left_out), place / str(number)))
            forecasts.append(refitted.forecast(panel.part(left_out)))
            advance()
    return _together(forecasts).of(panel)


def remove_fits(run: Path, *, folds: int, seed: int, scratch: Path) -> None:
    """Remove the fits that were made for `out_of_fold`, and their folder unless something else is in it.

    Args:
        run: Run folder of the model.
        folds: How many parts the training workers, or households, are divided into.
        seed: Draws the folds.
        scratch: Folder in which each fit is kept.
    """
    remove_folder(_fits_of(run, folds, seed, scratch))
    if not any(scratch.iterdir()):
        scratch.rmdir()


def _fits_of(run: Path, folds: int, seed: int, scratch: Path) -> Path:
    return scratch / f"{state_of(run)[:KEY]}-{folds}-{seed}"


def _without(panel: Panel, left_out: pl.DataFrame) -> Panel:
    """The panel without some of its workers."""
    return panel.part(panel.records.filter(~pl.col("worker").is_in(left_out["worker"].unique().implode())))


def _refit(run: Path, panel: Panel, without: Panel, place: Path) -> Path:
    """Fit the model of a run folder again, on fewer training careers; nothing is done where this was done before.

    Args:
        run: The run folder of a model, or of a part of one.
        panel: What it was fitted on.
        without: What it is fitted on now.
        place: The new run folder; those of its parts are next to it.

    Returns:
        The new run folder, or `run` where it knows nothing of the panel.
    """
    if not run.is_dir():
        raise RunError(f"{run} is no run folder: what made it cannot be fitted again on fewer careers")
    fitted = load(run)
    if not {dataset for dataset, _ in fitted.record.lineage.splits} & held_out_of(panel).keys():
        return run
    if fitted.record.fingerprint != panel.fingerprint:
        raise RunError(f"{run} was fitted on another panel, or on a part of this one: fit it on all of this one")
    if not (place / MARKER).is_file():
        make_folder(place.parent)
        spec = _with_paths(fitted.spec, lambda part, name: _refit(part, panel, without, place.with_name(name)), place)
        spec.fit(without, seed=fitted.record.seed, out=place).save(place)
    return place


def _with_paths(spec: Spec, refit: Callable[[Path, str], Path], place: Path) -> Spec:
    """A spec whose run folders are replaced by those of new fits, which are named after `place`."""
    changed: dict[str, Any] = {}
    for field in fields(spec):  # type: ignore[arg-type]
        match getattr(spec, field.name):
            case Path() as part:
                changed[field.name] = refit(part, f"{place.name}-{field.name}")
            case (Path(), *_) as parts:
                named = (f"{place.name}-{number}" for number in range(len(parts)))
                changed[field.name] = tuple(map(refit, parts, named))
    found: Spec = replace(spec, **changed)  # type: ignore[type-var]
    return found


def _together(forecasts: Sequence[Forecast]) -> Forecast:
    """The rows of several forecasts over one taxonomy, one after the other; bounds on errors only if all have some."""
    first = forecasts[0]
    bounds = [part.error_bound for part in forecasts if part.error_bound is not None]
    return Forecast(
        records=pl.concat([part.records for part in forecasts]),
        taxonomy=first.taxonomy,
        log_prob=np.concatenate([part.log_prob for part in forecasts]),
        raw_mass=np.concatenate([part.raw_mass for part in forecasts]),
        method=f"{first.method}, out of fold",
        error_bound=np.concatenate(bounds) if len(bounds) == len(forecasts) else None,
        lineage=reduce(or_, (part.lineage for part in forecasts)),
    )
