"""Question 7: for whom models forecast well, by gender, ethnicity, education, age, region and decade."""

import numpy as np
import polars as pl

from laborllm.evaluation import Evaluation
from laborllm.evaluation.metrics import Metric
from laborllm.evaluation.metrics.auc import Auc
from laborllm.evaluation.metrics.events import Change
from laborllm.evaluation.metrics.kuiper import Kuiper
from laborllm.panel import Panel
from laborllm.report.figures import perplexity_by_group
from laborllm.report.numbers import count, number, p_value
from laborllm.report.table import Table
from laborllm.report.tables import group_label
from laborllm.studies.protocol.models import REFERENCE
from laborllm.studies.protocol.question import Answer, Question, verdict
from laborllm.studies.protocol.runs import Scores
from laborllm.studies.protocol.study import Study
from laborllm.studies.protocol.versions import Hidden, Version
from laborllm.studies.questions.common import drawn_means, figure, losses, with_interval

GROUPS = ("gender", "ethnicity", "education", "age", "region", "decade")
CROSSED = ("gender*ethnicity", "gender*education", "ethnicity*education", "gender*age")
COVARIATES = ("gender", "ethnicity", "education", "region", "birth_year")
NETWORK = "career"  # whose covariates are removed and permuted
LEVEL = 0.05  # of all tests of a model together
CALIBRATION = "kuiper_p_change"
EVERY_MODEL = {
    "perplexity": "perplexity",
    "auc_change": "AUC of a change of occupation",
    CALIBRATION: "p of calibration of a change",
}
"""Metrics of which there is a table of every model by every group."""
METRICS: tuple[str | Metric, ...] = ("perplexity", Auc(Change()), Kuiper(Change()), Kuiper(Change(), p_value=True))
BIAS = (
    "What this can say: whether forecasts are as good, and as well calibrated, for one group as for another on these "
    "people. What it cannot: whether past moves were free of discrimination. A model that repeats an unequal labor "
    "market is calibrated; and a group that is hard to forecast may have lives that vary more."
)


def _runs(study: Study) -> list[Scores]:
    models = [study.scores(model, panel) for panel in study.panels for model in study.models]
    return [*models, _with_all(study), *(scores for pair in _hidden(study).values() for scores in pair)]


def _with_all(study: Study) -> Scores:
    """The network from which covariates are taken, with all of them."""
    return study.scores(NETWORK, study.first)


def _hidden(study: Study) -> dict[str, tuple[Scores, Scores]]:
    """For each covariate that the first panel knows: a network's forecasts without it, and with it permuted."""
    known = study.panel(study.first).records

    def without(name: str, *, permuted: bool) -> Scores:
        changed = Version(study.first, (Hidden(name, permuted),))
        return study.scores(NETWORK, study.first, of=changed, whole=False)

    names = [name for name in COVARIATES if known[name].count()]
    return {name: (without(name, permuted=False), without(name, permuted=True)) for name in names}


def _answer(study: Study) -> Answer:
    tables, figures, ahead = {}, {}, []
    for panel in study.panels:
        careers = with_age(study.panel(panel))
        groups = [group for group in (*GROUPS, *CROSSED) if _known(careers, group)]
        best = study.best(panel)
        found = study.evaluate(careers, study.forecasts(panel), by=groups, metrics=METRICS)
        tables[f"{panel}-groups"] = _table(panel, found, best, groups)
        tables[f"{panel}-models"] = _models(panel, found, groups)
        for metric, label in EVERY_MODEL.items():
            tables[f"{panel}-every-model-{metric.partition('_')[0]}"] = _every_model(
                panel, found, groups, metric, label
            )
        shown = found.estimates.filter(pl.col("model").is_in([best, REFERENCE]), metric="perplexity", group=groups[0])
        if shown["estimate"].count():  # else every level is withheld
            figures[panel] = figure(perplexity_by_group, shown, f"{panel}: perplexity by {group_label(groups[0])}.")
        ahead += _ratios(found, best, groups)
    tables[f"{study.first}-covariates"] = _without(study)
    behind = sum(ratio > 1 for ratio in ahead)
    why = f"The best network has the lower perplexity in {len(ahead) - behind} of {len(ahead)} groups of all panels."
    return Answer(verdict(not behind, why), tables, figures, (BIAS,))


def with_age(panel: Panel) -> Panel:
    """The panel with a column age, in decades."""
    age = ((pl.col("year") - pl.col("birth_year")) // 10 * 10).cast(pl.String) + "s"
    return panel.part(panel.records.with_columns(age=age))


def _known(panel: Panel, group: str) -> bool:
    return all(part == "decade" or panel.records[part].count() > 0 for part in group.split("*"))


def _table(panel: str, found: Evaluation, best: str, groups: list[str]) -> Table:
    rows, withheld = [], 0
    for group in groups:
        for level in found.estimates.filter(group=group)["level"].unique(maintain_order=True):
            cell = found.row(best, "perplexity", group, level)
            if cell["estimate"] is None:
                withheld += 1
                continue
            area, p = (found.row(best, name, group, level)["estimate"] for name in ("auc_change", CALIBRATION))
            ratio = found.compared(best, REFERENCE, group=group, level=level)
            workers = None if cell["workers"] is None else int(cell["workers"])
            compared = with_interval(ratio["estimate"], ratio["low"], ratio["high"], near_one=True)
            estimates = (with_interval(cell["estimate"], cell["low"], cell["high"]), compared)
            rows.append(
                (group_label(group), level, count(workers), *estimates, number(area, near_one=True), p_value(p))
            )
    header = ("group", "level", "workers", f"perplexity of {best}", f"ratio to {REFERENCE}", "AUC of change", "p")
    note = (
        "p: chance of a Kuiper calibration error of a change as large as found, were forecasts calibrated. Withheld, "
        f"as too few workers are in them or would follow from them: {withheld} groups."
    )
    return Table(f"{panel}: {best} by group", header, tuple(rows), note, words=(0, 1))


def _models(panel: str, found: Evaluation, groups: list[str]) -> Table:
    """For each model, in how many groups its calibration is refused, at one level for all of them (Holm 1979)."""
    rows = []
    for model in found.ranking:
        cells = found.estimates.filter(pl.col("group").is_in(groups), model=model, metric=CALIBRATION)
        p = cells["estimate"].drop_nulls().drop_nans().sort().to_numpy()
        refused = holm(p)
        worst = found.estimates.filter(pl.col("group").is_in(groups), model=model, metric="perplexity")[
            "estimate"
        ].max()
        rows.append((model, str(len(p)), str(refused), p_value(float(p.min())) if len(p) else "", number(worst)))  # type: ignore[arg-type]
    header = ("model", "groups", "not calibrated", "lowest p", "highest perplexity")
    note = f"Not calibrated: change of occupation, groups refused at {LEVEL} for all groups together (Holm)."
    return Table(f"{panel}: every model over all groups", header, tuple(rows), note)


def _every_model(panel: str, found: Evaluation, groups: list[str], metric: str, label: str) -> Table:
    """A row per level of a group, a column per model."""
    shown = p_value if metric == CALIBRATION else number
    cells = found.estimates.filter(pl.col("group").is_in(groups), pl.col("estimate").is_finite(), metric=metric)
    rows = []
    for (group, level), models in cells.group_by(["group", "level"], maintain_order=True):
        estimates = dict(models.select("model", "estimate").iter_rows())
        rows.append((group_label(str(group)), str(level), *(shown(estimates.get(model)) for model in found.ranking)))
    header = ("group", "level", *found.ranking)
    return Table(f"{panel}: {label}, every model by group", header, tuple(rows), words=(0, 1))


def holm(p: np.ndarray) -> int:
    """How many of sorted p-values are refused at `LEVEL` for all together."""
    within = p <= LEVEL / np.arange(len(p), 0, -1)
    return int(np.argmin(np.append(within, False)))


def _ratios(found: Evaluation, best: str, groups: list[str]) -> list[float]:
    rows = found.comparisons.filter(
        pl.col("group").is_in(groups), model=best, reference=REFERENCE, metric="perplexity", comparison="ratio"
    )
    return rows["estimate"].drop_nulls().to_list()


def _without(study: Study) -> Table:
    """What each covariate is worth to a network: not known at all, or another worker's."""
    own = losses(study, _with_all(study))
    rows = []
    for name, pair in _hidden(study).items():
        found = [drawn_means(study, study.first, [losses(study, scores) - own])[0, 0].exp() for scores in pair]
        cells = [with_interval(float(ratio.estimate), *ratio.interval, near_one=True) for ratio in found]
        rows.append((name.replace("_", " "), *cells))
    title = f"{study.first}: perplexity of {NETWORK} without a covariate, over that with it"
    return Table(title, ("covariate", "not known", "permuted"), tuple(rows), "At forecasting; the fit had it.")


QUESTION = Question(
    number=7,
    name="subgroups",
    title="For whom do models forecast well?",
    claim="Tuned models represent the careers of subgroups better than earlier ones do.",
    paper="no single figure",
    rule="Replicates if the network with the lowest validation perplexity has a lower perplexity than two-part "
    "frequencies in every group shown, of every panel.",
    runs=_runs,
    answer=_answer,
)
