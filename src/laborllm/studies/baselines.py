"""All baselines on one panel, models over codes and, on request, models over text, compared in one table.

The folder of a study fills up run by run. What is complete is kept, so an interrupted study resumes, and another seed
or model added later costs no more than itself.
"""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from laborllm.errors import OptionError, RunError
from laborllm.evaluation import Evaluation, evaluate
from laborllm.models.contract import Spec
from laborllm.models.registry import load_forecaster, spec_class
from laborllm.models.runs.run_folder import read_run
from laborllm.panel import Panel
from laborllm.progress import progress
from laborllm.storage import new_file, require_parent, sole_writer
from laborllm.training.checkpoint import training_folder


@dataclass(frozen=True)
class Baseline:
    """A model of the registry and its options. seeded: whether another seed gives another model. mixes: whether it is
    made of the other baselines."""

    model: str
    options: Mapping[str, Any] = field(default_factory=dict)
    seeded: bool = False
    mixes: bool = False


BASELINES = {
    "oracle": Baseline("oracle"),
    "plain": Baseline("transition", {"variant": "plain"}),
    "two-part": Baseline("transition", {"variant": "two-part"}),
    "second-order": Baseline("transition", {"variant": "second-order"}),
    "logit": Baseline("logit", seeded=True),
    "bag-of-jobs": Baseline("bag-of-jobs", seeded=True),
    "nemo": Baseline("nemo", seeded=True),
    "career": Baseline("career", seeded=True),
    "embedding-logit": Baseline("embedding-logit", {"likelihood": "two-stage"}),
    "title-head": Baseline("title-head", seeded=True),
    "mixture": Baseline("mixture", {"weights": "constant"}, seeded=True, mixes=True),
    "mixture-varying": Baseline("mixture", {"weights": "varying"}, seeded=True, mixes=True),
}
"""In the order they are fitted: what mixes comes after what it mixes."""

PROCESSOR_SECONDS = "processor-seconds.json"


@dataclass(frozen=True)
class Run:
    """One fit of one baseline. name: of its folder, and in the tables."""

    name: str
    baseline: str
    seed: int


@dataclass(frozen=True)
class Study:
    """What came of it. evaluation: of each model by name, fitted with the first seed. runs: run, model, seed,
    perplexity on split test, parameters, validation_perplexity, processor_minutes of the fit; null where a model has no
    such number."""

    evaluation: Evaluation
    runs: pl.DataFrame


def study_baselines(
    panel: Panel,
    out: Path,
    *,
    baselines: Sequence[str],
    seeds: Sequence[int] = (0,),
    reference: str = "two-part",
    draws: int = 1000,
) -> Study:
    """Fit each baseline once per seed, unless its run folder is there, and evaluate all on split test.

    A baseline that no seed changes is fitted once. A mixture is of all other baselines of its seed but the oracle.

    Args:
        panel: The careers.
        out: The folder of the run folders.
        baselines: Names of baselines.
        seeds: Of the fits; the first one's are evaluated, the others give their perplexity.
        reference: The baseline that the others are compared with.
        draws: Of the bootstrap.

    Returns:
        The evaluation, and a row per fit.

    Raises:
        OptionError: An unknown baseline.
        RunError: A folder in `out` that another panel or seed was fitted for.
        StorageError: Another process writes there.
    """
    _require_known(baselines, reference, seeds)
    planned = _plan(baselines, seeds)
    require_parent(out)
    out.mkdir(exist_ok=True)
    with sole_writer(out), progress("fit baselines", len(planned), "models") as advance:
        for run in planned:
            _fit_once(run, planned, panel, out)
            advance(note=run.name)
    first = _plan(baselines, seeds[:1])
    models = {run.baseline: load_forecaster(out / run.name, held_out_by=panel) for run in first}
    about = {run.baseline: _about(run, out) for run in first}
    found = evaluate(models, panel, by=["transition"], reference=reference, draws=draws, about=about)
    perplexity = {run.name: found.row(run.baseline, "perplexity")["estimate"] for run in first}
    with_other_seeds = {run.name: _perplexity(run, panel, out) for run in planned if run not in first}
    return Study(found, _runs(planned, perplexity | with_other_seeds, out))


def _require_known(baselines: Sequence[str], reference: str, seeds: Sequence[int]) -> None:
    unknown = [name for name in baselines if name not in BASELINES]
    if unknown or not baselines:
        raise OptionError(f"unknown baseline {', '.join(unknown) or '(none)'}: use {', '.join(BASELINES)}")
    if reference not in baselines:
        raise OptionError(f"the reference {reference!r} is not among the models: use {', '.join(baselines)}")
    if not seeds or len(set(seeds)) < len(seeds):
        raise OptionError(f"a study needs seeds that differ, one or more, not {list(seeds)}")
    if all(BASELINES[name].mixes or name == "oracle" for name in baselines):
        raise OptionError("a mixture needs other models to mix: add some to the study")


def _plan(baselines: Sequence[str], seeds: Sequence[int]) -> list[Run]:
    """The runs in the order they are to be fitted."""
    return [
        Run(f"{name}-{seed}", name, seed) if baseline.seeded else Run(name, name, seed=0)
        for seed in seeds
        for name, baseline in BASELINES.items()
        if name in baselines and (baseline.seeded or seed == seeds[0])
    ]


def _fit_once(run: Run, planned: Sequence[Run], panel: Panel, out: Path) -> None:
    """Make the run folder unless it is there, and note what the fit cost, with what an interrupted one had cost."""
    path = out / run.name
    if path.exists():
        _require_same(run, path, panel)
        return
    before = _seconds(out).get(run.name, 0.0) if training_folder(path).exists() else 0.0
    start = time.process_time()
    try:
        model = _model(run, planned, out).fit(panel, seed=run.seed, out=path)
    finally:
        _note_seconds(out, run.name, before + time.process_time() - start)
    model.save(path)


def _model(run: Run, planned: Sequence[Run], out: Path) -> Spec:
    baseline = BASELINES[run.baseline]
    options = dict(baseline.options)
    if baseline.mixes:
        mixed = [other for other in planned if not BASELINES[other.baseline].mixes and other.baseline != "oracle"]
        of_seed = [other for other in mixed if other.seed == run.seed or not BASELINES[other.baseline].seeded]
        options["members"] = tuple(out / other.name for other in of_seed)
    return spec_class(baseline.model)(**options)


def _require_same(run: Run, path: Path, panel: Panel) -> None:
    """Raise `RunError` unless the folder holds this run, fitted on this panel."""
    there, wanted = read_run(path), (BASELINES[run.baseline].model, panel.fingerprint, run.seed)
    found = (there.model, there.record.fingerprint, there.record.seed)
    if found != wanted:
        raise RunError(f"{path} holds another model, panel or seed: remove it, or choose another folder")


def _about(run: Run, out: Path) -> str:
    found = read_run(out / run.name)
    baseline, model, careers = BASELINES[run.baseline], found.model, f"{found.record.workers:,} careers"
    if model == "oracle":
        return "oracle, the data-generating process of the panel"
    fitted = f"weights fitted on {careers} of split valid" if baseline.mixes else f"fitted on {careers} of split train"
    return f"{model}, seed {run.seed}, {fitted}" if baseline.seeded else f"{model}, {fitted}"


def _perplexity(run: Run, panel: Panel, out: Path) -> float:
    """Over all records of split test."""
    model = load_forecaster(out / run.name, held_out_by=panel)
    return float(np.exp(-model.log_likelihood(panel.subset("test")).mean()))


def _runs(planned: Sequence[Run], perplexity: Mapping[str, float | None], out: Path) -> pl.DataFrame:
    seconds = _seconds(out)
    rows = []
    for run in planned:
        metrics = read_run(out / run.name).metrics
        took = seconds.get(run.name)
        rows.append(
            {
                "run": run.name,
                "model": run.baseline,
                "seed": run.seed,
                "perplexity": perplexity[run.name],
                "parameters": metrics.get("parameters"),
                "validation_perplexity": metrics.get("validation perplexity"),
                "processor_minutes": None if took is None else took / 60,
            }
        )
    numbers = dict.fromkeys(("perplexity", "parameters", "validation_perplexity", "processor_minutes"), pl.Float64)
    return pl.DataFrame(rows, schema={"run": pl.String, "model": pl.String, "seed": pl.Int64, **numbers})


def _seconds(out: Path) -> dict[str, float]:
    """Processor seconds of each fit in the folder."""
    file = out / PROCESSOR_SECONDS
    return dict(json.loads(file.read_text())) if file.is_file() else {}


def _note_seconds(out: Path, run: str, seconds: float) -> None:
    with new_file(out / PROCESSOR_SECONDS) as file:
        file.write_text(json.dumps(_seconds(out) | {run: seconds}, indent=1))
