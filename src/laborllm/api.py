"""The front door: what a user of the library calls, and what the verbs of the command line call."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from laborllm.auditing.tail import screen
from laborllm.errors import OptionError, RunError, StorageError
from laborllm.forecasting.in_year import InYear
from laborllm.lm.scoring.options import ScoringOptions
from laborllm.models.forecasts.forecast import Forecast
from laborllm.models.registry import as_forecaster, spec_class
from laborllm.models.registry import load as load_run
from laborllm.models.runs.leftovers import remove_checkpoints
from laborllm.models.runs.options import kept_in, to_options
from laborllm.models.runs.run_folder import is_unaudited, read_run, write_section
from laborllm.models.runs.seen import unknown_values as find_unknown
from laborllm.occupations import Taxonomy, load_taxonomy
from laborllm.panel import Panel
from laborllm.storage import MARKER, make_folder, require_file, require_free, sole_writer, temporary_folder

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from laborllm.forecasting.groups.common_error import CommonError
    from laborllm.forecasting.simulation.result import Simulation
    from laborllm.models.contract import Fitted, Forecaster, Spec
    from laborllm.report.pages.people import PeopleFutures


def read_panel(path: str | Path) -> Panel:
    """Read a panel file.

    Args:
        path: A file that `Panel.save` or `laborllm import` wrote.

    Returns:
        The panel, checked.

    Raises:
        PanelError: No panel file, or one whose records do not form a panel.

    Examples:
        >>> import laborllm as ll
        >>> ll.import_synthetic(workers=50).save(Path("panel.parquet"))
        >>> ll.read_panel("panel.parquet").workers
        50
    """
    return Panel.load(Path(path))


def import_synthetic(workers: int = 10_000, taxonomy: str | Path | Taxonomy = "occ1990dd", *, seed: int = 0) -> Panel:
    """Draw careers of people who do not exist from a data-generating process that is known.

    Args:
        workers: How many careers.
        taxonomy: Name of a taxonomy that comes with laborllm, a file of one, or a `Taxonomy`; the states unemployed,
            not in labor force and in education are added to the first two.
        seed: Draws people, careers and split; the process stays the same.

    Returns:
        The panel.

    Raises:
        SourceError: Fewer than one worker, or fewer than two occupations.
        TaxonomyError: No such taxonomy.

    Examples:
        >>> import laborllm as ll
        >>> len(ll.import_synthetic(workers=50).taxonomy)
        334
    """
    from laborllm.sources.synthetic import DRAWN_STATES
    from laborllm.sources.synthetic import import_synthetic as draw

    if not isinstance(taxonomy, Taxonomy):
        taxonomy = load_taxonomy(taxonomy).with_states(DRAWN_STATES)
    return draw(workers, taxonomy, seed=seed)


def fit(
    model: "str | Spec",
    panel: str | Path | Panel,
    *,
    seed: int = 0,
    out: str | Path | None = None,
    careers: int | None = None,
    resampled: int | None = None,
    **options: Any,
) -> "Fitted":
    """Fit a model on split train of a panel, choosing on split valid. Open records are left out.

    Args:
        model: The name of a model, such as "career", or a spec, such as `Career(layers=4)`.
        panel: The careers, or the file that holds them.
        seed: Decides everything random.
        out: Run folder to write; one that exists must hold this very fit, which is then loaded. A long fit keeps
            checkpoints in the folder `out`.training until it is written, and one that was interrupted resumes from the
            last.
        careers: Train on this many careers, drawn at random; default: all of split train.
        resampled: Train on careers drawn with replacement, by household where the panel has them, with this seed: one
            of the refits that intervals of groups hold. Default: on each once.
        options: Fields of the spec, where `model` is a name.

    Returns:
        The fitted model.

    Raises:
        OptionError: An unknown model, an option that it does not have or that has no such value, or a negative seed.
        PanelError: A split that is empty.
        RunError: A fit that cannot continue.
        StorageError: An `out` that holds anything else, or cannot be written.

    Examples:
        >>> import laborllm as ll
        >>> panel = ll.import_synthetic(workers=50)
        >>> fitted = ll.fit("transition", panel, variant="plain", out="runs/plain")
        >>> ll.load("runs/plain").spec
        Transition(variant='plain', thinned=False)
    """
    spec = _spec(model, options)
    if seed < 0:
        raise OptionError(f"the seed is {seed}: it must be 0 or more")
    place = None if out is None else _place(out)
    data = panel if isinstance(panel, Panel) else read_panel(panel)
    data = data if careers is None else data.with_training(careers, seed=seed)
    data = data if resampled is None else data.resampled(seed=resampled)
    if place is None:
        return spec.fit(data, seed=seed)
    if os.environ.get("RANK", "0") != "0":  # of the processes of torchrun, the first holds the place for all
        return spec.fit(data, seed=seed, out=place)
    with sole_writer(place):
        return _fit_to(place, spec, data, seed)


def load(path: str | Path, *, held_out_by: Panel | None = None) -> "Fitted":
    """Load a fitted model.

    Args:
        path: A run folder, which `fit` wrote, or "nlsy", the model that comes with laborllm.
        held_out_by: A panel whose workers in split test must not have been trained on.

    Returns:
        The fitted model.

    Raises:
        RunError: No run folder of this version of laborllm, or a model that may have been trained on workers that are
            held out.
        StorageError: A folder that is torn, or not there.

    Examples:
        >>> import laborllm as ll
        >>> fitted = ll.fit("transition", ll.import_synthetic(workers=50), out="run")
        >>> ll.load("run").record.workers == fitted.record.workers
        True
    """
    return load_run(Path(path), held_out_by=held_out_by)


def forecast(
    model: "str | Path | Forecaster",
    panel: str | Path | Panel,
    *,
    year: int | None = None,
    must_move: bool = False,
    scoring: ScoringOptions | None = None,
) -> Forecast:
    """Forecast the occupation of records, each from the records before it.

    Args:
        model: A fitted model, or its run folder.
        panel: The careers, or the file that holds them.
        year: Forecast where every worker is in this year, which must be after her last record; default: forecast every
            record of the panel.
        must_move: The records that are not known yet are moves: these people cannot stay where they are.
        scoring: How a language model scores titles; default: exactly.

    Returns:
        The forecast: with `year` a row per worker, else a row per record.

    Raises:
        PanelError: A year that is not after the last record of every career, or records of an occupation or a state
            that the taxonomy of the model cannot express.

    Examples:
        >>> import laborllm as ll
        >>> panel = ll.import_synthetic(workers=50)
        >>> next_year = ll.forecast(ll.fit("transition", panel), panel, year=2031)
        >>> len(next_year.records)
        50
    """
    forecaster = as_forecaster(model)
    if must_move:
        from laborllm.models.must_move import MustMove  # brings torch, which counting does not need

        forecaster = MustMove(forecaster)
    data = panel if isinstance(panel, Panel) else read_panel(panel)
    if year is None:
        return forecaster.forecast(data, scoring=scoring)
    return InYear(forecaster, year).forecast(data, scoring=scoring)


def out_of_fold(
    run: str | Path, panel: str | Path | Panel, *, out: str | Path | None = None, folds: int = 5, seed: int = 0
) -> Forecast:
    """Forecast every record by a model that was not fitted on its worker: training careers in folds, by new fits.

    Where another model learns from forecasts of its training careers, as their teacher or starting from them, these are
    the ones to take: a model is surer of the careers that it was fitted on than of new ones.

    Args:
        run: Run folder of a model that was fitted on all training careers of the panel. Members of a mixture are fitted
            again with it.
        panel: The careers, or the file that holds them.
        out: File of forecasts to write. Fits are kept in the folder `out`.training until it is written, from where the
            work resumes after an interruption.
        folds: Parts into which training workers, or households where the split is by household, are divided.
        seed: Draws the folds; each fit has the seed of `run`.

    Returns:
        The forecast, a row per record: of split valid and split test by the model as it is.

    Raises:
        OptionError: Fewer than two folds.
        PanelError: A fold without a worker.
        RunError: A model of another panel, or one made of what cannot be fitted again, such as a file of forecasts.
        StorageError: `out` cannot be written.

    Examples:
        >>> import laborllm as ll
        >>> panel = ll.import_synthetic(workers=50)
        >>> fitted = ll.fit("transition", panel, out="runs/counts")
        >>> ll.out_of_fold("runs/counts", panel, folds=2).method
        'transition frequencies, out of fold'
    """
    from laborllm.models.out_of_fold import out_of_fold as forecast_folds
    from laborllm.models.out_of_fold import remove_fits
    from laborllm.training.folder import training_folder

    data = panel if isinstance(panel, Panel) else read_panel(panel)
    if out is None:
        with temporary_folder() as folder:
            return forecast_folds(Path(run), data, folds=folds, seed=seed, scratch=folder)
    place = Path(out)
    make_folder(place.resolve().parent)
    require_file(place)
    with sole_writer(place):
        scratch = training_folder(place)
        found = forecast_folds(Path(run), data, folds=folds, seed=seed, scratch=scratch)
        found.save(place)
        remove_fits(Path(run), folds=folds, seed=seed, scratch=scratch)
    return found


def unknown_values(model: "str | Path | Fitted", panel: str | Path | Panel) -> "pl.DataFrame":
    """Find the values of covariates that a model has never seen, and so cannot tell from one another.

    Args:
        model: A fitted model, or its run folder.
        panel: The careers, or the file that holds them.

    Returns:
        A row per covariate and value, with its records and workers: education, gender, ethnicity and region, where the
        model reads them and the value is not missing.

    Raises:
        PanelError: No panel file, or one whose records do not form a panel.

    Examples:
        >>> import laborllm as ll
        >>> panel = ll.import_synthetic(workers=50)
        >>> len(ll.unknown_values(ll.fit("logit", panel), panel.subset("train")))
        0
    """
    fitted = load(model) if isinstance(model, str | Path) else model
    return find_unknown(fitted.record.seen, panel if isinstance(panel, Panel) else read_panel(panel))


def people_futures(
    simulations: "Sequence[Simulation]",
    *,
    model: str,
    sampled: bool = False,
    level: float = 0.9,
    common_error: "CommonError | None" = None,
) -> "PeopleFutures":
    """Gather what a page on a group of people shows.

    Args:
        simulations: One simulation, or one by each refit of a model, of the same workers and years.
        model: What the page calls the model.
        sampled: The people are a sample: intervals hold who is in it.
        level: Share of futures that an interval holds.
        common_error: The error that all people of a group share: intervals hold it too.

    Returns:
        Frames and facts for `laborllm.report.pages.people.write_people_page`.

    Raises:
        OptionError: A level that is no share.
        PanelError: There is no simulation, they are of other workers or other years, or their years differ between
            workers.

    Examples:
        >>> import laborllm as ll
        >>> panel = ll.import_synthetic(workers=50)
        >>> paths = ll.simulate(ll.fit("transition", panel), panel, years=[2025], draws=50)
        >>> ll.people_futures([paths], model="counts").facts["Intervals hold"]
        'draws'
    """
    from laborllm.forecasting.groups import charted
    from laborllm.forecasting.groups.shares import group_shares
    from laborllm.report.pages.people import PeopleFutures

    groups, occupations = (
        group_shares(simulations, major=major, sampled=sampled, level=level, common_error=common_error)
        for major in (True, False)
    )
    first = simulations[0]
    several = first.years.shape[1] > 1
    return PeopleFutures(
        groups=groups,
        occupations=occupations,
        shares=charted.chart_shares(simulations),
        counts=charted.chart_counts(simulations, sampled=sampled, level=level, common_error=common_error),
        flows=charted.chart_flows(first) if several else None,
        careers=charted.chart_careers(first) if several else None,
        facts=_facts(first, model, groups["holds"][0]),
        level=level,
    )


def _facts(simulation: "Simulation", model: str, holds: str) -> dict[str, str]:
    """What a page on people says of how its numbers came about."""
    return {
        "Model": model,
        "Assumed": simulation.assumptions,
        "Paths of each person": f"{simulation.draws:,}",
        "Largest Monte Carlo error of a probability": f"{float(simulation.error.max()):.3f}",
        "Intervals hold": holds,
        "Intervals leave out": "what no model has seen, such as a recession to come",
    }


def _spec(model: "str | Spec", options: dict[str, Any]) -> "Spec":
    if not isinstance(model, str):
        if options:
            raise OptionError(f"{next(iter(options))} is an option of a spec: state it in {model}")
        return model
    kind = spec_class(model)
    try:
        return kind(**options)
    except TypeError as error:
        raise OptionError(f"the model {model} does not take {', '.join(options) or 'no options'}: {error}") from error


def _fit_to(place: Path, spec: "Spec", panel: Panel, seed: int) -> "Fitted":
    """Fit and save a model, or load this very fit where it was saved before, and screen it unless that was done."""
    if _is_saved(place, spec, panel, seed):
        remove_checkpoints(place)
        fitted = load(place)
    else:
        require_free(place)
        fitted = spec.fit(panel, seed=seed, out=place)
        fitted.save(place)
    screened = screen(fitted, panel, seed=seed) if is_unaudited(place) else None
    if screened is not None:
        write_section(place, "Audit", str(screened))
    return fitted


def _place(out: str | Path) -> Path:
    """A run folder to be written, in a folder that is made if need be."""
    place = Path(out)
    make_folder(place.resolve().parent)
    if not (place / MARKER).is_file():
        require_free(place)
    return place


def _is_saved(place: Path, spec: "Spec", panel: Panel, seed: int) -> bool:
    """Whether this very fit was saved before, such as by a process that was killed just after."""
    try:
        run = read_run(place)
    except (RunError, StorageError):
        return False
    stated: Any = kept_in(place, spec)
    wanted = (spec.name, json.loads(json.dumps(to_options(stated))), panel.fingerprint, seed)
    return (run.model, run.options, run.record.fingerprint, run.record.seed) == wanted
