"""The confirmation of a plan: repeated fits and forecasts on folds that nobody has seen, opened once."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from laborllm.errors import RunError
from laborllm.evaluation.bootstrap import ClusterBootstrap
from laborllm.evaluation.design import Clusters
from laborllm.panel import Panel
from laborllm.report.numbers import count
from laborllm.report.table import Table
from laborllm.storage import make_folder, new_file, read_json, sole_writer
from laborllm.studies.confirmation.plan import read_plan, require_planned, study_file
from laborllm.studies.protocol.jobs import run_jobs
from laborllm.studies.protocol.models import REFERENCE
from laborllm.studies.protocol.runs import Scores
from laborllm.studies.protocol.study import Study
from laborllm.studies.protocol.versions import Resplit, Version
from laborllm.studies.questions.common import listed, ratio_cell, two_decimals
from laborllm.studies.run import open_study

Plan = Mapping[str, Any]
Numbers = NDArray[np.float64]

CLAIMED = "career"
SAID = "confirmation.json"
OPENED = ".opened.json"
"""What is added to the name of a plan for the file that says when it was opened, and whether it is answered."""


@dataclass(frozen=True)
class Confirmation:
    """What a confirmation came to: a table per panel, and when its plan was made and opened."""

    tables: Mapping[str, Table]
    plan: Plan
    opened: str


def confirm(plan_file: Path, out: Path, *, processes: int = 1) -> Confirmation:
    """Fit all models of a plan on all folds but one, in turn, and forecast that one: every worker is held out once in
    each repeat, which draws other folds.

    A confirmation that was interrupted resumes; one that was answered is not made again, but read from its folder.

    Args:
        plan_file: As `make_plan` wrote it.
        out: Folder of its runs and tables.
        processes: Runs made at once.

    Raises:
        RunError: The plan or a panel was changed, or the plan was confirmed before.
    """
    plan = read_plan(plan_file)
    note = plan_file.with_name(plan_file.name + OPENED)
    known = read_json(note) if note.is_file() else {}
    if not isinstance(known, dict):
        raise RunError(f"{note} does not say when the plan was opened")
    opened = str(known.get("opened", _now()))
    if "answered" in known and not _is_answered(out, plan):
        raise RunError(f"the plan was opened on {opened} and answered: it is confirmed once; make another plan")
    study = open_study(study_file(plan), out, size=plan["size"])
    require_planned(plan, study)
    with sole_writer(out):
        _write(note, json.dumps(known | {"opened": opened}))
        run_jobs(study.cache, _asked(study, plan), processes=processes)
        tables = {name: _table(study, plan, name) for name in study.panels}
        _write_all(out, tables, plan, opened)
        _write(note, json.dumps({"opened": opened, "answered": known.get("answered", _now())}))
    return Confirmation(tables, plan, opened)


def _is_answered(out: Path, plan: Plan) -> bool:
    """Whether a folder holds the answer to a plan."""
    said = out / "confirmation" / SAID
    return said.is_file() and plan["hash"] in said.read_text(encoding="utf-8", errors="replace")


def _asked(study: Study, plan: Plan) -> list[Scores]:
    """All that is fitted and forecast."""
    return [
        scores
        for name in study.panels
        for model in study.models
        for folds in _repeats(study, plan, name, model)
        for scores in folds
    ]


def _repeats(study: Study, plan: Plan, panel: str, model: str) -> list[list[Scores]]:
    """What a model says of each fold, fitted on the others, for each way to draw the folds."""
    drawn = [
        [Version(panel, (Resplit(seed, fold, plan["folds"]),)) for fold in range(plan["folds"])]
        for seed in plan["seeds"]
    ]
    return [[study.scores(model, version, whole=False) for version in folds] for folds in drawn]


def _losses(study: Study, plan: Plan, panel: str, model: str) -> Numbers:
    """The loss of each record of a panel in order, under each way to draw the folds, (repeats, n) nats."""
    repeats = _repeats(study, plan, panel, model)
    held_out = [
        pl.concat([study.cache.log_prob(scores) for scores in folds]).sort("worker", "year") for folds in repeats
    ]
    return np.stack([-each["log_prob"].to_numpy().astype(np.float64) for each in held_out])


def _table(study: Study, plan: Plan, name: str) -> Table:
    careers = study.panel(name).observed()
    found = {model: _losses(study, plan, name, model) for model in study.models}
    models = sorted(found, key=lambda model: float(found[model].mean()))
    cluster = Clusters(careers.split_by).read(careers)
    bootstrap = ClusterBootstrap(cluster, np.ones(len(careers)), draws=study.size.draws)
    losses = np.stack([found[model].mean(axis=0) for model in models], axis=1)
    compared = [model for model in (REFERENCE, CLAIMED) if model in models]
    ratios = [losses - losses[:, [models.index(model)]] for model in compared]
    drawn = bootstrap.mean(np.concatenate([losses, *ratios], axis=1), np.ones((len(careers), 1), dtype=bool))
    rows = []
    for at, model in enumerate(models):
        own, repeats = drawn[at, 0].exp(), np.exp(found[model].mean(axis=1))
        estimate = f"{two_decimals(float(own.estimate))} ({two_decimals(own.standard_error)})"
        places = [(other, (1 + place) * len(models) + at) for place, other in enumerate(compared)]
        cells = ["1" if model == other else ratio_cell(drawn[where, 0]) for other, where in places]
        rows.append((model, estimate, *cells, f"{two_decimals(repeats.min())} to {two_decimals(repeats.max())}"))
    header = ("model", "perplexity (s.e.)", *(f"ratio to {other} (95 %)" for other in compared), "by repeat")
    return Table(f"{name}: confirmed perplexity", header, tuple(rows), _note(careers, plan))


def _note(careers: Panel, plan: Plan) -> str:
    seeds = listed(map(str, plan["seeds"]))
    drawn = f"{plan['folds']} folds by {careers.split_by}, drawn {len(plan['seeds'])} times, seeds {seeds}"
    intervals = f"Losses are means over the repeats; intervals draw by {careers.split_by}."
    return (
        f"All {count(careers.workers)} workers, each held out once in a repeat: {drawn}. {intervals} "
        f"Plan {plan['hash'][:12]} of {plan['made'][:10]}."
    )


def _write_all(out: Path, tables: Mapping[str, Table], plan: Plan, opened: str) -> None:
    folder = out / "confirmation"
    make_folder(folder)
    for name, table in tables.items():
        _write(folder / f"{name}.csv", table.to_csv())
        _write(folder / f"{name}.tex", table.to_latex())
    said = {"plan": plan["hash"], "made": plan["made"], "opened": opened, "tables": sorted(tables)}
    _write(folder / SAID, json.dumps(said, indent=1))


def _write(path: Path, text: str) -> None:
    with new_file(path) as file:
        file.write_text(text, encoding="utf-8")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
