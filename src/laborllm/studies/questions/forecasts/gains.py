"""Question 11: where the gain over CAREER comes from, and where there is none."""

import numpy as np
import polars as pl

from laborllm.evaluation.arrays import Bools
from laborllm.evaluation.bootstrap import Bootstrapped
from laborllm.panel import Panel
from laborllm.panel.history import KINDS, History
from laborllm.privacy import SMALLEST_CELL
from laborllm.report.figures import ratios
from laborllm.report.numbers import count
from laborllm.report.table import Table
from laborllm.studies.protocol.question import Answer, Question, all_below, verdict
from laborllm.studies.protocol.runs import Scores
from laborllm.studies.protocol.study import Study
from laborllm.studies.questions.common import Numbers, drawn_means, figure, losses, ratio_cell, ratio_row, shown_cells

BETTER, WORSE = "mixture-varying", "career"
LEAVES = 8
FEWEST = 0.02  # of the records, in a leaf
FEATURES = ("position", "gap", "tenure", "years seen", "age", "out of work before", "share of the occupation before")


def _runs(study: Study) -> list[Scores]:
    return [study.scores(model, panel) for panel in study.panels for model in (BETTER, WORSE)]


def _answer(study: Study) -> Answer:
    tables, figures, differences, reasons = {}, {}, [], []
    for name in study.panels:
        shown, gains = _gains(study, name)
        if not shown:
            continue
        rows = [(label, count(int(cell.sum())), ratio_cell(gains[label])) for label, cell in shown.items()]
        note = f"Ratio of perplexity: {BETTER} over {WORSE}; above one it is worse. Leaves: of a tree, see below."
        tables[name] = Table(f"{name}: where the gain is", ("records", "number", "ratio (95 %)"), tuple(rows), note)
        frame = [ratio_row(label, gain) for label, gain in gains.items() if not label.startswith("leaf")]
        figures[name] = figure(ratios, pl.DataFrame(frame), f"{name}: perplexity of {BETTER} over that of {WORSE}.")
        if {"stay", "move"} <= set(shown):
            stay, move = gains["stay"], gains["move"]
            differences.append((move - stay).interval)
            reasons.append(f"{ratio_cell(move)} for moves and {ratio_cell(stay)} for stays on {name}")
    words = (
        f"Leaves are those of a regression tree of at most {LEAVES}, grown on the gains of half of the workers and "
        "measured on the others, from what is known before a record.",
    )
    why = f"The ratio is {'; '.join(reasons) or 'of too few workers to be shown'}."
    return Answer(verdict(all_below(differences, 0) if differences else None, why), tables, figures, words)


def _gains(study: Study, name: str) -> tuple[dict[str, Bools], dict[str, Bootstrapped]]:
    """The cells of a panel that may be shown, and in each the mean difference of the losses, by label."""
    panel = study.panel(name)
    test = panel.subset("test").observed()
    gain = losses(study, study.scores(BETTER, name)) - losses(study, study.scores(WORSE, name))
    shown = shown_cells(test.records["worker"], [*cells_of(panel, test), leaves(test, panel, gain)])
    if not shown:
        return {}, {}
    drawn = drawn_means(study, name, [gain], np.stack(list(shown.values()), axis=1))
    return shown, {label: drawn[0, at] for at, label in enumerate(shown)}


def cells_of(panel: Panel, test: Panel) -> list[dict[str, Bools]]:
    """Records by kind; by gap; by what came before; and by how frequent the occupation is in split train."""
    history, share = History.of(test), shares(panel)
    states = [panel.taxonomy.position[code] for code in panel.taxonomy.states]
    edges = np.quantile(share[history.occupation], np.linspace(0, 1, 6)[1:-1])
    fifth = np.searchsorted(edges, share[history.occupation], "left")
    names = ("rarest fifth", "second fifth", "third fifth", "fourth fifth", "most frequent fifth")
    return [
        {kind: (history.kind == kind).to_numpy() for kind in KINDS},
        {"one year since the last record": history.gap == 1, "three or more years since": history.gap >= 3},
        {"after a state without a job": np.isin(history.previous, states)},
        {f"occupations, {name} of records": fifth == at for at, name in enumerate(names)},
    ]


def shares(panel: Panel) -> Numbers:
    """How frequent each occupation is in split train, (J,)."""
    columns = panel.taxonomy.columns(panel.subset("train").observed().records["occupation"])
    return np.bincount(columns, minlength=len(panel.taxonomy)) / len(columns)


def leaves(test: Panel, panel: Panel, gain: Numbers) -> dict[str, Bools]:
    """The records of half of the workers in each leaf of a tree that the gains of the others grew.

    Args:
        test: The n records of split test.
        panel: The whole panel, from which features are made.
        gain: (n,) nats by which one model is ahead of another.
    """
    from sklearn.tree import DecisionTreeRegressor

    features = _features(test, panel)
    half = (test.records["worker"].rank("dense") % 2 == 0).to_numpy()
    smallest = max(2 * SMALLEST_CELL, round(FEWEST * len(gain)))
    tree = DecisionTreeRegressor(max_leaf_nodes=LEAVES, min_samples_leaf=smallest, random_state=0)
    tree.fit(features[half], gain[half])
    leaf = tree.apply(features)
    return {f"leaf: {_path(tree, at)}": (leaf == at) & ~half for at in np.unique(leaf)}


def _features(test: Panel, panel: Panel) -> Numbers:
    """What the tree may divide the n test records by, (n, features), in the order of `FEATURES`."""
    history = History.of(test)
    states = [panel.taxonomy.position[code] for code in panel.taxonomy.states]
    age = (test.records["year"] - test.records["birth_year"]).cast(pl.Float64).fill_null(-1).to_numpy()
    before = np.append(shares(panel), 0.0)[history.previous]
    out = np.isin(history.previous, states)
    columns = (history.position, history.gap, history.tenure, history.years_seen, age, out, before)
    return np.stack([np.asarray(column, dtype=np.float64) for column in columns], axis=1)


def _path(tree, leaf: int) -> str:  # type: ignore[no-untyped-def]
    """The conditions that lead to a leaf, in words: the closest bounds of each feature."""
    nodes, low, high, at = tree.tree_, dict[str, float](), dict[str, float](), leaf
    while at:
        (parent,) = np.flatnonzero((nodes.children_left == at) | (nodes.children_right == at))
        name, bounds = FEATURES[nodes.feature[parent]], high if nodes.children_left[parent] == at else low
        bounds.setdefault(name, float(nodes.threshold[parent]))  # from the leaf up, so the first is the closest
        at = int(parent)
    return (
        ", ".join(_bounded(name, low.get(name), high.get(name)) for name in FEATURES if name in {**low, **high})
        or "all"
    )


def _bounded(name: str, low: float | None, high: float | None) -> str:
    if low is None:
        return f"{name} up to {high:.3g}"
    return f"{name} above {low:.3g}" if high is None else f"{name} above {low:.3g} and up to {high:.3g}"


QUESTION = Question(
    number=11,
    name="gains",
    title="Where does the gain over CAREER come from?",
    claim="What a tuned language model gains over CAREER depends on the history of a record, and is in where movers "
    "go.",
    paper="no single figure",
    rule="Of the mixture of all models over codes in place of the language model: replicates if on every panel the "
    "log ratio of perplexity to career is lower for moves than for stays (95 % interval of the difference), not if "
    "on one it is higher.",
    runs=_runs,
    answer=_answer,
)
