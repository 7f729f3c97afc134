"""The tables of an evaluation, each made of its tidy ones; a column that says nothing is left out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import polars as pl

from laborllm.evaluation import Evaluation
from laborllm.report.numbers import count, digits_of, in_column, interval, number, p_value, share, signed
from laborllm.report.table import Table

KINDS = ("first", "stay", "move")
SHARES = ("top_1", "top_5")
LABELS = {
    "transition": "kind",
    "history": "records seen before",
    "origin": "group of the occupation before",
    "destination": "group of the occupation",
}
INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True)
class Column:
    """A column of a table: its name and the text of each row."""

    name: str
    cells: Sequence[str]


def perplexity_table(evaluation: Evaluation) -> Table:
    """A row per model, lowest perplexity first."""
    models = evaluation.ranking
    columns = [
        _estimates(evaluation, "perplexity", "perplexity"),
        Column("95 % interval", [_interval(evaluation.row(model, "perplexity")) for model in models]),
        *(_estimates(evaluation, "perplexity", kind, "transition", kind) for kind in KINDS),
    ]
    raw = [evaluation.row(model, "raw_mass")["estimate"] for model in models]
    if any(value is None or value < 1 for value in raw):
        columns += [_estimates(evaluation, "raw_perplexity", "raw"), _shares(evaluation, "raw_mass", "raw mass")]
    columns.append(_shares(evaluation, "greedy_valid", "greedy valid"))
    return _table("Perplexity of the observed occupation; lower is better", models, columns, _exactness(evaluation))


def comparison_table(evaluation: Evaluation) -> Table | None:
    """A row per pair of models, on the same draws of workers. None where there is nothing to compare."""
    pairs = _pairs(evaluation)
    references = [reference for _, reference, _ in pairs]
    differences = [evaluation.compared(*pair, "difference") for pair in pairs]
    ratios = [evaluation.compared(*pair, "ratio") for pair in pairs]
    columns = [
        Column("difference", [signed(row["estimate"]) for row in differences]),
        Column("95 % interval", [_interval(row) for row in differences]),
        Column("ratio", [number(row["estimate"], near_one=True) for row in ratios]),
        Column("95 % interval", [interval(row["low"], row["high"], near_one=True) for row in ratios]),
        Column("finding", [finding(row["low"], row["high"]) for row in differences]),
    ]
    names = [model if metric == "perplexity" else f"{model} (raw)" for model, _, metric in pairs]
    one = len(set(references)) == 1
    title = f"Perplexity against {references[0]}" if one else "Perplexity, model against model"
    table = _table(title, names, columns if one else [Column("against", references), *columns])
    words = tuple(at for at, name in enumerate(table.header) if name in ("model", "against", "finding"))
    return replace(table, words=words) if pairs else None


def accuracy_table(evaluation: Evaluation) -> Table | None:
    """How often the most probable occupations are right, and the scores of the whole distribution."""
    models = _with(evaluation, "top_1")
    columns = [
        *(_shares(evaluation, name, f"top {name[-1]} right", models) for name in SHARES),
        _estimates(evaluation, "log_score", "log score", models=models),
        _estimates(evaluation, "brier", "Brier score", models=models),
    ]
    note = "Top k right: higher is better. Log score (nats) and Brier score: lower is better."
    return _table("Accuracy, and scores of the whole distribution", models, columns, note) if models else None


def area_table(evaluation: Evaluation) -> Table | None:
    """How well changes and states are ranked. None without whole distributions."""
    metrics = [name for name in _metrics(evaluation) if name.startswith("auc_")]
    models = [model for model in evaluation.ranking if any(_has(evaluation, model, name) for name in metrics)]
    columns = [Column(area_label(name), [_area(evaluation, model, name) for model in models]) for name in metrics]
    note = "In brackets the 95 % interval. Entering: among records whose occupation before is another."
    return _table("Area under the ROC curve; higher is better", models, columns, note) if models else None


def calibration_table(evaluation: Evaluation) -> Table | None:
    """Whether the probabilities of a change, and of the most probable occupation, can be taken at their word."""
    models, columns = _with(evaluation, "kuiper_change"), list[Column]()
    for event, words in (("change", "change"), ("top_1", "top 1")):
        for name, label in (("calibration_slope", "slope"), ("calibration_intercept", "intercept")):
            columns.append(_estimates(evaluation, f"{name}_{event}", f"{words}: {label}", models=models))
        columns.append(_estimates(evaluation, f"kuiper_{event}", f"{words}: Kuiper", models=models))
        rows = [evaluation.row(model, f"kuiper_p_{event}")["estimate"] for model in models]
        columns.append(Column(f"{words}: p", [p_value(value) for value in rows]))
    note = "Perfect: slope 1, intercept 0. Kuiper: largest cumulative error; p: its chance were forecasts calibrated."
    return _table("Calibration", models, columns, note) if models else None


def group_table(evaluation: Evaluation, group: str, metric: str = "perplexity") -> Table | None:
    """A metric by group.

    Args:
        evaluation: What was found.
        group: Name of the group.
        metric: Name of the metric.

    Returns:
        A row per level of the group, with its size and the metric of each model; None where nothing can be shown.
    """
    frame = evaluation.estimates.filter(group=group, metric=metric)
    models = [model for model in evaluation.ranking if model in frame["model"]]
    levels = frame["level"].unique(maintain_order=True).to_list()
    if not frame["estimate"].count():
        return None
    rows = [{model: evaluation.row(model, metric, group, level) for model in models} for level in levels]
    values = [[row[model]["estimate"] for model in models] for row in rows]
    digits = max(digits_of(row) for row in values)
    shown = share if metric in SHARES else partial(number, digits=digits)
    columns = [
        Column("records", [_count(row[models[0]]["records"]) for row in rows]),
        Column("workers", [_count(row[models[0]]["workers"]) for row in rows]),
        *(Column(model, [shown(row[at]) for row in values]) for at, model in enumerate(models)),
    ]
    title = f"{metric[:1].upper()}{metric[1:].replace('_', ' ')} by {group_label(group)}"
    return _table(title.replace("Top 1", "Top 1 right"), levels, columns, first=group_label(group))


def flow_table(evaluation: Evaluation, model: str) -> Table | None:
    """The twenty largest flows from one group of occupations to another, observed and expected by one model."""
    frame = evaluation.flows.filter(
        pl.col("model") == model, pl.col("observed") > 0, pl.col("origin") != pl.col("destination")
    )
    largest = frame.sort("observed", descending=True).head(20)
    rows = tuple(
        (origin, destination, _flow(observed), number(expected))
        for origin, destination, observed, expected in largest.select(
            "origin", "destination", "observed", "expected"
        ).iter_rows()
    )
    header = ("from", "to", "observed", "expected")
    return Table(f"The largest flows, and those expected by {model}", header, rows, words=(0, 1)) if rows else None


def _flow(observed: float) -> str:
    """A flow of records, which are counted; weighted ones are no whole number."""
    return count(int(observed)) if observed == int(observed) else number(observed)


def sample_table(evaluation: Evaluation) -> Table:
    """How many records and workers are behind the numbers."""
    first = evaluation.estimates.filter(model=evaluation.models[0])
    shown = first.filter(metric=first["metric"][0]).filter(pl.col("group").is_in(["all", "transition"]))
    rows = tuple((row["level"], count(row["records"]), count(row["workers"])) for row in shown.to_dicts())
    return Table("Records evaluated", ("records of kind", "records", "workers"), rows)


def about_table(evaluation: Evaluation) -> Table | None:
    """What each model is, where its maker said."""
    rows = tuple((model, evaluation.about[model]) for model in evaluation.ranking if evaluation.about.get(model))
    return Table("The models", ("model", "how it was made"), rows, words=(0, 1)) if rows else None


def groups_of(evaluation: Evaluation) -> list[str]:
    """The groups evaluated, apart from all records."""
    found = evaluation.estimates["group"].unique(maintain_order=True)
    return [group for group in found if group != "all"]


def group_label(group: str) -> str:
    """A group as a page calls it."""
    return " and ".join(LABELS.get(part.strip(), part.strip().replace("_", " ")) for part in group.split("*"))


def area_label(metric: str) -> str:
    """An area's metric as a table calls it."""
    return metric.removeprefix("auc_").replace("_", " ")


def finding(low: float | None, high: float | None, *, neutral: float = 0.0) -> str:
    """What an interval of a difference or a ratio says in a word.

    Args:
        low: Its lower end; None where there is none.
        high: Its upper end; None where there is none.
        neutral: Zero for a difference, one for a ratio.

    Returns:
        "lower", "higher" or "inconclusive"; empty where an end is missing.
    """
    if low is None or high is None:
        return ""
    return "lower" if high < neutral else "higher" if low > neutral else INCONCLUSIVE


def _table(title: str, names: Iterable[str], columns: Sequence[Column], note: str = "", first: str = "model") -> Table:
    """A row per name, without the columns in which every cell is missing."""
    kept = [column for column in columns if any(cell not in ("", number(None)) for cell in column.cells)]
    rows = tuple((name, *(column.cells[at] for column in kept)) for at, name in enumerate(names))
    return Table(title, (first, *(column.name for column in kept)), rows, note)


def _estimates(
    evaluation: Evaluation,
    metric: str,
    name: str,
    group: str = "all",
    level: str = "all",
    models: Sequence[str] | None = None,
) -> Column:
    rows = [evaluation.row(model, metric, group, level) for model in models or evaluation.ranking]
    return Column(name, in_column([row["estimate"] for row in rows]))


def _shares(evaluation: Evaluation, metric: str, name: str, models: Sequence[str] | None = None) -> Column:
    return Column(name, [share(evaluation.row(each, metric)["estimate"]) for each in models or evaluation.ranking])


def _pairs(evaluation: Evaluation) -> list[tuple[str, str, str]]:
    """Each pair compared, the best model first, and the perplexity that both have."""
    frame = evaluation.comparisons.filter(group="all", comparison="difference")
    place = {model: at for at, model in enumerate(evaluation.ranking)}
    compared = frame.select("model", "reference").unique().iter_rows()
    pairs = sorted(compared, key=lambda pair: [place[each] for each in pair[::-1]])
    found = []
    for model, reference in pairs:
        metrics = frame.filter(model=model, reference=reference)["metric"]
        metric = next((name for name in ("perplexity", "raw_perplexity") if name in metrics), None)
        found += [(model, reference, metric)] if metric else []
    return found


def _exactness(evaluation: Evaluation) -> str:
    """Which perplexities are bounded rather than exact, as improbable titles were left unresolved."""
    bounds = [(model, evaluation.row(model, "within")["estimate"]) for model in evaluation.ranking]
    parts = [f"{model} within a factor of {number(bound, near_one=True)}" for model, bound in bounds if bound]
    return f"Exact but for: {', '.join(parts)}." if parts else ""


def _area(evaluation: Evaluation, model: str, metric: str) -> str:
    row = evaluation.row(model, metric)
    within = interval(row["low"], row["high"], near_one=True)
    return number(row["estimate"], near_one=True) + (f" ({within})" if within else "")


def _interval(row: dict[str, float | None]) -> str:
    return interval(row["low"], row["high"])


def _count(value: float | None) -> str:
    return count(None if value is None else int(value))


def _metrics(evaluation: Evaluation) -> list[str]:
    return evaluation.estimates["metric"].unique(maintain_order=True).to_list()


def _with(evaluation: Evaluation, metric: str) -> list[str]:
    return [model for model in evaluation.ranking if _has(evaluation, model, metric)]


def _has(evaluation: Evaluation, model: str, metric: str) -> bool:
    return evaluation.estimates.filter(model=model, metric=metric).height > 0
