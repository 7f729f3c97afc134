"""Question 13: how sure the figures are: other training households, other seeds, other test households."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from laborllm.evaluation import evaluate
from laborllm.report.figures import shares_of_variance
from laborllm.report.numbers import number, share
from laborllm.report.table import Table
from laborllm.studies.protocol.models import REFERENCE, SEEDED
from laborllm.studies.protocol.question import Answer, Question, verdict
from laborllm.studies.protocol.runs import Scores
from laborllm.studies.protocol.study import Study
from laborllm.studies.protocol.versions import Resampled, Version
from laborllm.studies.questions.common import Numbers, drawn_means, figure, losses, two_decimals
from laborllm.studies.questions.forecasts.siblings import knows_households, sibling_scores, sibling_table

NEW_TRAINING, NEW_SEED, NEW_TEST = "other training households", "other seeds", "other test households"


@dataclass(frozen=True)
class Variance:
    """Variances of a mean negative log-probability, in nats squared, and of what they come."""

    training: float
    seed: float
    test: float

    @property
    def total(self) -> float:
        """All variance together."""
        return self.training + self.seed + self.test

    @property
    def shares(self) -> dict[str, float]:
        """The share of each source in the total."""
        parts = {NEW_TEST: self.test, NEW_TRAINING: self.training, NEW_SEED: self.seed}
        return {name: part / self.total for name, part in parts.items()}

    @classmethod
    def of(cls, refits: Numbers, seeds: Numbers, test: float) -> "Variance":
        """Estimate the variances.

        Args:
            refits: Means of refits on resampled training households with one seed, in nats.
            seeds: Means of fits with several seeds, in nats.
            test: Bootstrap variance of the mean over test households.
        """
        several = len(seeds) > 1
        return cls(float(refits.var(ddof=1)), float(seeds.var(ddof=1)) if several else 0.0, test)


def _refits(study: Study, model: str) -> list[Scores]:
    """Fits on resampled training households, on the same test households."""
    drawn = [Version(study.first, (Resampled(seed),)) for seed in range(study.size.refits)]
    return [study.scores(model, version, of=study.first, whole=False) for version in drawn]


def _seeds(study: Study, model: str) -> list[Scores]:
    seeds = study.size.seeds if model in SEEDED else study.size.seeds[:1]
    return [study.scores(model, study.first, seed=seed, whole=False) for seed in seeds]


def _runs(study: Study) -> list[Scores]:
    asked = [scores for model in study.size.refitted for scores in (*_refits(study, model), *_seeds(study, model))]
    if knows_households(study):
        asked += [scores for model in study.size.refitted for scores in sibling_scores(study, model)]
    return asked + [study.scores(REFERENCE, panel) for panel in study.panels]


def _answer(study: Study) -> Answer:
    found = {model: _variance(study, model) for model in study.size.refitted}
    rows, shown = [], []
    for model, (mean, variance) in found.items():
        errors = [np.exp(mean) * np.sqrt(part) for part in (variance.test, variance.total)]
        rows.append((model, two_decimals(float(np.exp(mean))), *(two_decimals(float(error)) for error in errors),
                     *(share(part) for part in variance.shares.values())))  # fmt: skip
        shown += [{"model": model, "source": name, "share": part} for name, part in variance.shares.items()]
    header = ("model", "perplexity", "s.e., test only", "s.e., all", *next(iter(found.values()))[1].shares)
    note = f"{study.size.refits} refits on training households drawn with replacement, {len(study.size.seeds)} seeds."
    table = Table(f"{study.first}: what the uncertainty of perplexity is made of", header, tuple(rows), note)
    tested = [variance.shares[NEW_TEST] for _, variance in found.values()]
    why = f"Test households are {share(min(tested))} to {share(max(tested))} of the variance of log-perplexity."
    drawn = figure(shares_of_variance, pl.DataFrame(shown), "Shares of the variance of log-perplexity, by source.")
    tables = {"variance": table, "design": _design(study)}
    if knows_households(study):
        tables["siblings"] = sibling_table(study)
    return Answer(verdict(None, why), tables, {"variance": drawn})


def _variance(study: Study, model: str) -> tuple[float, Variance]:
    seeds = [losses(study, scores) for scores in _seeds(study, model)]
    refits = np.array([losses(study, scores).mean() for scores in _refits(study, model)])
    test = drawn_means(study, study.first, seeds[:1])[0, 0].standard_error ** 2
    return float(seeds[0].mean()), Variance.of(refits, np.array([each.mean() for each in seeds]), test)


def _design(study: Study) -> Table:
    """For every panel: standard errors by what is drawn, and the weighted perplexity next to the unweighted."""
    rows = []
    for name in study.panels:
        panel = study.panel(name)
        model = {REFERENCE: study.cache.forecast(study.scores(REFERENCE, name))}
        designs = {"worker": {"cluster": "worker"}}
        if panel.split_by != "worker":
            designs[panel.split_by] = {"cluster": panel.split_by}
        if {"psu", "stratum"} <= set(panel.columns):
            designs["PSU in stratum"] = {"cluster": "psu", "strata": "stratum"}
        if panel.weight_kind == "sampling" and not panel.subset("test").records["weight"].null_count():
            designs["weighted"] = {"cluster": panel.split_by, "weights": "sampling"}
        first = None
        for label, design in designs.items():
            found = evaluate(model, panel, metrics=["perplexity"], draws=study.size.draws, **design)  # type: ignore[arg-type]
            row = found.row(REFERENCE, "perplexity")
            first = first or row["standard_error"]
            effect = None if not first or row["standard_error"] is None else row["standard_error"] / first
            cells = (two_decimals(row["estimate"]), two_decimals(row["standard_error"]), number(effect))
            rows.append((name, label, *cells))
    header = ("panel", "drawn by", f"perplexity of {REFERENCE}", "s.e.", "s.e. over that by worker")
    return Table("What is drawn, and what weights change", header, tuple(rows), words=(0, 1))


QUESTION = Question(
    number=13,
    name="uncertainty",
    title="How sure are the figures?",
    claim="Standard errors come from drawing test individuals, for some models also from refits on drawn training "
    "ones.",
    paper="no single figure",
    rule="No claim is tested: the question says what share of the variance an interval over test households covers.",
    runs=_runs,
    answer=_answer,
)
