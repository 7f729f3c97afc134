"""The run cache of studies and audits: what is fitted and forecast once stays, under the hash of spec, panel and seed.

A run folder, a file of forecasts or of log-probabilities is whole or not there, so a study that was killed resumes from
what is whole; new tables, ensembles and questions use what is there.
"""

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from laborllm.errors import StorageError, first_line
from laborllm.models.contract import Fitted, Spec
from laborllm.models.forecasts.forecast import Forecast
from laborllm.models.language.specs import OffTheShelf, TitleHead
from laborllm.models.mixture.specs import Mixture
from laborllm.models.registry import load
from laborllm.models.runs.leftovers import remove_checkpoints
from laborllm.models.runs.options import to_options
from laborllm.models.runs.run_folder import Run, read_run
from laborllm.storage import file_hash, make_folder, new_file, read_json
from laborllm.studies.protocol.panels import Panels
from laborllm.studies.protocol.runs import Fit, Job, Scores

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

KEY = 12  # digits of a hash in a name
SHA256 = "sha256"  # of a file, in the note on what it took
PLACES = ("members", "offset_model")
"""Options that say where members are, and not what they are."""


@dataclass(frozen=True)
class RunCache:
    """The folders `runs`, `scores` and `costs`.

    Attributes:
        folder: Of the study, or of the audit.
        panels: Its panels.
    """

    folder: Path
    panels: Panels

    def place(self, job: Job) -> Path:
        """Where a run is kept: its name, and the hash of all that decides what it gives."""
        name = job.name if isinstance(job, Fit) else job.fit.name
        kind = "runs" if isinstance(job, Fit) else "scores"
        key = hashlib.sha256(json.dumps(self._identity(job), sort_keys=True).encode()).hexdigest()[:KEY]
        return self.folder / kind / (f"{name}-{key}" if isinstance(job, Fit) else f"{name}-{key}.parquet")

    def has(self, job: Job) -> bool:
        """Whether a run is there, whole: a run folder, or a file with the hash that was noted when it was written."""
        place = self.place(job)
        if isinstance(job, Fit):
            return place.exists()
        note = self._note_of(place, job)
        return place.is_file() and note.is_file() and self._hash_in(note) == file_hash(place)

    def tidy(self, job: Job) -> None:
        """Remove what a kill has left of a training whose run is there."""
        if isinstance(job, Fit) and self.has(job):
            remove_checkpoints(self.place(job))

    def make(self, job: Job) -> None:
        """Fit or forecast, unless it was done before, and note the processor seconds."""
        place = self.place(job)
        if self.has(job):
            return
        make_folder(place.parent)
        start = time.process_time()
        if isinstance(job, Fit):
            self._fit(job, place)
        else:
            self._score(job, place)
        self._note(place, job, time.process_time() - start)

    def run(self, fit: Fit) -> Run:
        """What the run folder of a fit states."""
        return read_run(self.place(fit))

    def model(self, fit: Fit) -> Fitted:
        """The fitted model."""
        return load(self.place(fit))

    def forecast(self, scores: Scores) -> Forecast:
        """The distributions that were kept."""
        return Forecast.load(self.place(scores))

    def log_prob(self, scores: Scores) -> pl.DataFrame:
        """worker, year, occupation and log_prob, in nats, of the observed records.

        From whole distributions if these were kept for another question.
        """
        whole = replace(scores, whole=True)
        if scores.whole or (not self.has(scores) and self.has(whole)):
            forecast = self.forecast(whole)
            return forecast.records.with_columns(pl.Series("log_prob", forecast.log_likelihood))
        return self._read_log_prob(self.place(scores))

    def costs(self) -> pl.DataFrame:
        """run, kind, panel, seed and processor_minutes of every run in the folder."""
        folder = self.folder / "costs"
        rows = [read_json(file) for file in sorted(folder.glob("*.json"))]
        kinds = {"run": pl.String, "kind": pl.String, "panel": pl.String, "seed": pl.Int64}
        try:
            return pl.DataFrame(rows, schema=kinds | {"processor_minutes": pl.Float64})
        except (pl.exceptions.PolarsError, TypeError, ValueError) as error:
            raise StorageError(f"a file of {folder} is not as a run writes it: {first_line(error)}") from error

    def _read_log_prob(self, place: Path) -> pl.DataFrame:
        try:
            return pl.read_parquet(place, columns=["worker", "year", "occupation", "log_prob"])
        except (pl.exceptions.PolarsError, OSError) as error:
            raise StorageError(f"{place} is torn or was changed: remove it to compute it again") from error

    def _fit(self, fit: Fit, place: Path) -> None:
        self._completed(fit).fit(self.panels.version(fit.on), seed=fit.seed, out=place).save(place)

    def _completed(self, fit: Fit) -> Spec:
        """The spec with the runs, or the panel file, that it reads."""
        members = tuple(self.place(member) for member in fit.members)
        if members and isinstance(fit.spec, Mixture):
            return replace(fit.spec, members=members)
        if members and isinstance(fit.spec, TitleHead):
            return replace(fit.spec, offset_model=members[0])
        if isinstance(fit.spec, OffTheShelf) and fit.spec.examples and fit.spec.panel_file is None:
            return replace(fit.spec, panel_file=self.panels.files[fit.on.panel])
        return fit.spec

    def _score(self, scores: Scores, place: Path) -> None:
        panel = self.panels.version(scores.of)
        careers = (panel if scores.split == "all" else panel.subset(scores.split)).observed()
        model = self.model(scores.fit)
        if scores.whole:
            model.forecast(careers).save(place)
            return
        columns = careers.records.select("worker", "year", "occupation")
        with new_file(place) as file:
            columns.with_columns(pl.Series("log_prob", model.log_likelihood(careers))).write_parquet(file)

    def _identity(self, job: Job) -> Any:
        fingerprint: Callable[[str], str] = self.panels.fingerprint
        if isinstance(job, Scores):
            return [self.place(job.fit).name, job.of.identity(fingerprint), job.split, job.whole]
        spec: DataclassInstance = job.spec  # type: ignore[assignment]
        members = [self.place(member).name for member in job.members]
        left_out = PLACES if job.members else ()
        options = {name: value for name, value in to_options(spec).items() if name not in left_out}
        return [job.spec.name, options, job.on.identity(fingerprint), job.seed, members]

    def _note(self, place: Path, job: Job, seconds: float) -> None:
        note = self._note_of(place, job)
        kind, _, run = note.stem.partition("-")
        fit, panel = (job, job.on) if isinstance(job, Fit) else (job.fit, job.of)
        row = {"run": run, "kind": kind, "panel": panel.panel, "seed": fit.seed, "processor_minutes": seconds / 60}
        hashed = {SHA256: file_hash(place)} if place.is_file() else {}
        make_folder(note.parent)
        with new_file(note) as file:
            file.write_text(json.dumps(row | hashed))

    def _note_of(self, place: Path, job: Job) -> Path:
        """Where it stands what a run took."""
        kind = "fit" if isinstance(job, Fit) else "forecast"
        return self.folder / "costs" / f"{kind}-{place.name.removesuffix('.parquet')}.json"

    def _hash_in(self, note: Path) -> str | None:
        stated = read_json(note)
        return str(stated[SHA256]) if isinstance(stated, dict) and SHA256 in stated else None
