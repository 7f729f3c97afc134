"""Question 10: what careers of other panels are worth, by how many and by how they are drawn."""

import polars as pl

from laborllm.evaluation.metrics.events import Change
from laborllm.evaluation.metrics.kuiper import Kuiper
from laborllm.panel.pooling import Draw
from laborllm.report.figures import ratios
from laborllm.report.numbers import count, p_value
from laborllm.report.table import Table
from laborllm.studies.protocol.question import Answer, Question, all_below, verdict
from laborllm.studies.protocol.runs import Scores
from laborllm.studies.protocol.study import Study
from laborllm.studies.protocol.versions import Mixed, Version
from laborllm.studies.questions.common import drawn_means, figure, losses, ratio_cell, ratio_row

MODEL = "career"
ADDED: tuple[tuple[float, Draw], ...] = ((0.25, "alike"), (0.25, "target"), (1.0, "alike"))
DECIDES = (1.0, "alike")


def _mixed(study: Study, share: float, draw: Draw) -> Version:
    return Version(study.first, (Mixed(study.panels[1], share, draw),))


def _scores(study: Study, share: float, draw: Draw) -> Scores:
    return study.scores(MODEL, _mixed(study, share, draw), of=study.first)


def _runs(study: Study) -> list[Scores]:
    if len(study.panels) < 2:
        return []
    return [study.scores(MODEL, study.first), *(_scores(study, *added) for added in ADDED)]


def _answer(study: Study) -> Answer:
    if len(study.panels) < 2:
        return Answer(verdict(None, "The study has one panel: there is none to add."), {})
    own = losses(study, study.scores(MODEL, study.first))
    panel = study.panel(study.first)
    rows, shown, decides = [("none", count(panel.subset("train").workers), "1", _refused(study, None))], [], None
    for added in ADDED:
        ratio = drawn_means(study, study.first, [losses(study, _scores(study, *added)) - own])[0, 0]
        label = f"{added[0]:.0%} of {study.panels[1]}, drawn {added[1]}"
        careers = count(study.panel(_mixed(study, *added)).subset("train").workers)
        rows.append((label, careers, ratio_cell(ratio), _refused(study, added)))
        shown.append(ratio_row(label, ratio))
        decides = ratio.exp() if added == DECIDES else decides
    header = ("added", "training careers", "ratio of perplexity", "calibration of a change, lowest p by gender")
    note = f"Over {MODEL} of {study.first} only, on the same test workers. Target: drawn toward its covariates."
    table = Table(f"{study.first}: careers of {study.panels[1]} added", header, tuple(rows), note)
    assert decides is not None
    why = f"With all of {study.panels[1]} the perplexity is {rows[-1][2]} times."
    drawn = figure(ratios, pl.DataFrame(shown), f"{study.first}: perplexity over that without added careers.")
    return Answer(verdict(all_below([decides.interval], 1), why), {"added": table}, {"added": drawn})


def _refused(study: Study, added: tuple[float, Draw] | None) -> str:
    """The lowest p-value of calibration of a change over the levels of gender, or over all where it is not known."""
    scores = study.scores(MODEL, study.first) if added is None else _scores(study, *added)
    by = ["gender"] if study.panel(study.first).records["gender"].count() else []
    metric = Kuiper(Change(), p_value=True)
    found = study.evaluate(study.first, {MODEL: study.cache.forecast(scores)}, by=by, metrics=[metric])
    return p_value(found.estimates.filter(metric=metric.name)["estimate"].drop_nulls().min())  # type: ignore[arg-type]


QUESTION = Question(
    number=10,
    name="mixing",
    title="What are careers of other panels worth?",
    claim="Adding careers of other surveys lowers perplexity: 8.18 to 8.08 with all of them.",
    paper="8.184 to 8.082 (PSID81)",
    rule="Replicates if the 95 % interval of the ratio of perplexity with all training workers of the second panel "
    "added lies below one, does not if it lies above.",
    runs=_runs,
    answer=_answer,
)
