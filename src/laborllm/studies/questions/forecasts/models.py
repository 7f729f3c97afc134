"""Question 1: how well each model forecasts each panel."""

from laborllm.evaluation import Evaluation
from laborllm.report.figures import ratio_to_reference
from laborllm.report.numbers import MISSING, count, interval, number
from laborllm.report.page import Figure
from laborllm.report.table import Table
from laborllm.report.tables import KINDS
from laborllm.studies.protocol.models import REFERENCE, SEEDED
from laborllm.studies.protocol.question import Answer, Question, all_below, verdict
from laborllm.studies.protocol.runs import Scores
from laborllm.studies.protocol.study import Study
from laborllm.studies.questions.common import figure, listed, perplexity, two_decimals

CLAIMED = "career"


def _runs(study: Study) -> list[Scores]:
    first = [study.scores(model, panel) for panel in study.panels for model in study.models]
    return first + [scores for panel in study.panels for model in SEEDED for scores in _others(study, model, panel)]


def _others(study: Study, model: str, panel: str) -> list[Scores]:
    """The scores of a model fitted with the seeds after the first, if it takes part."""
    taking_part = model in study.models and model in SEEDED
    return [study.scores(model, panel, seed=seed, whole=False) for seed in study.size.seeds[1:] if taking_part]


def _answer(study: Study) -> Answer:
    found = {panel: _evaluated(study, panel) for panel in study.panels}
    ratios = {
        f"{model} on {panel}": evaluation.compared(CLAIMED, model)
        for panel, evaluation in found.items()
        for model in study.over_codes
        if model != CLAIMED and CLAIMED in study.models
    }
    open_ = [name for name, ratio in ratios.items() if ratio["high"] is None or ratio["high"] >= 1]
    why = f"{CLAIMED} is ahead of every other single model on every panel."
    if open_:
        why = f"The 95 % interval of the ratio of {CLAIMED} is not below one against {listed(open_)}."
    if CLAIMED not in study.models:
        why = f"{CLAIMED} is not among the models of the study."
    holds = all_below([(ratio["low"], ratio["high"]) for ratio in ratios.values()], 1)
    tables = {panel: _table(study, panel, evaluation) for panel, evaluation in found.items()}
    return Answer(
        verdict(holds, why),
        tables | {f"{panel}-fits": _fits(study, panel, evaluation) for panel, evaluation in found.items()},
        {panel: _figure(panel, evaluation) for panel, evaluation in found.items()},
    )


def _evaluated(study: Study, panel: str) -> Evaluation:
    forecasts = study.forecasts(panel)
    pairs = [(model, REFERENCE) for model in forecasts if model != REFERENCE]
    if CLAIMED in forecasts:
        pairs += [(CLAIMED, model) for model in forecasts if model not in (CLAIMED, REFERENCE)]
    return study.evaluate(panel, forecasts, by=["transition"], metrics=["perplexity"], pairs=pairs)


def _table(study: Study, panel: str, found: Evaluation) -> Table:
    seeds = len(study.size.seeds)
    header: tuple[str, ...] = ("model", "perplexity (s.e.)", *KINDS, "ratio", "95 % interval")
    rows = tuple(_row(found, model) for model in found.ranking)
    note = f"Ratio: to {REFERENCE}, on the same draws."
    if seeds > 1:
        header, note = (*header, f"{seeds} seeds"), f"{note} Seeds: the lowest and the highest perplexity."
        rows = tuple((*row, _over_seeds(study, row[0], panel, found)) for row in rows)
    return Table(f"{panel}: perplexity of the observed occupation, lower is better", header, rows, note)


def _row(found: Evaluation, model: str) -> tuple[str, ...]:
    overall, ratio = found.row(model, "perplexity"), found.compared(model, REFERENCE)
    return (
        model,
        f"{two_decimals(overall['estimate'])} ({two_decimals(overall['standard_error'])})",
        *(two_decimals(found.row(model, "perplexity", "transition", kind)["estimate"]) for kind in KINDS),
        "1" if model == REFERENCE else number(ratio["estimate"], near_one=True),
        interval(ratio["low"], ratio["high"], near_one=True),
    )


def _over_seeds(study: Study, model: str, panel: str, found: Evaluation) -> str:
    others = [perplexity(study, scores) for scores in _others(study, model, panel)]
    first = found.row(model, "perplexity")["estimate"]
    both = [*others, first] if first is not None else others
    return f"{two_decimals(min(both))} to {two_decimals(max(both))}" if others else ""


def _fits(study: Study, panel: str, found: Evaluation) -> Table:
    """What the fits with the first seed took."""
    costs = study.cache.costs().filter(kind="fit")
    minutes = dict(costs.select("run", "processor_minutes").iter_rows())
    rows = []
    for model in found.ranking:
        fit = study.fit(model, panel)
        metrics = study.cache.run(fit).metrics
        parameters, valid = metrics.get("parameters"), metrics.get("validation perplexity")
        cells = (MISSING if parameters is None else count(int(parameters)), two_decimals(valid))
        rows.append((model, *cells, number(minutes.get(study.cache.place(fit).name))))
    header = ("model", "parameters", "validation perplexity", "processor minutes")
    return Table(f"{panel}: what the fits took, and their perplexity on validation workers", header, tuple(rows))


def _figure(panel: str, found: Evaluation) -> Figure:
    shown = found.comparisons.filter(metric="perplexity", comparison="ratio", group="all", reference=REFERENCE)
    caption = f"{panel}: perplexity over that of {REFERENCE} (the dashed line), with 95 % intervals. Left is better."
    return figure(ratio_to_reference, shown, caption)


QUESTION = Question(
    number=1,
    name="models",
    title="How well does each model forecast?",
    claim="CAREER forecasts better than every earlier model on all three surveys, and a tuned language model better "
    "than CAREER.",
    paper="CAREER 8.58, Llama-2-7B tuned 8.18 (PSID81)",
    rule="The first half replicates if, on every panel, the 95 % interval of the ratio of the perplexity of career to "
    "that of every other single model over codes lies below one, not if one lies above. Mixtures are compared, and "
    "no part of the rule.",
    runs=_runs,
    answer=_answer,
)
