"""Whether siblings in training tell of test workers: the control that tells leakage from selection."""

import numpy as np

from laborllm.report.table import Table
from laborllm.studies.protocol.runs import Scores
from laborllm.studies.protocol.study import Study
from laborllm.studies.protocol.versions import ByWorker, Version
from laborllm.studies.questions.common import drawn_means, losses, ratio_cell, two_decimals

NOTE = (
    "Split by worker. Ratio: fitted without the training siblings of test workers over without as many others. Above "
    "one only for those with siblings, siblings leak; a difference between the levels is selection."
)


def knows_households(study: Study) -> bool:
    """Whether the first panel of the study has households."""
    return "household" in study.panel(study.first).columns


def sibling_scores(study: Study, model: str) -> tuple[Scores, Scores]:
    """Fits on the split by worker: without the siblings of test workers, and without as many others."""
    return (
        study.scores(model, Version(study.first, (ByWorker(siblings=True),)), whole=False),
        study.scores(model, Version(study.first, (ByWorker(siblings=False),)), whole=False),
    )


def sibling_table(study: Study) -> Table:
    """What a model knows of test workers from their siblings: on those who have some, and on those who have none."""
    version = Version(study.first, (ByWorker(siblings=True),))
    panel = study.panel(version).subset("test").observed()
    train = study.panel(Version(study.first, (ByWorker(siblings=False),))).subset("train").records["household"]
    some = panel.records["household"].is_in(train.drop_nulls().unique().implode()).fill_null(False).to_numpy()
    rows = []
    for model in study.size.refitted:
        without, other = (losses(study, scores) for scores in sibling_scores(study, model))
        found = drawn_means(study, version, [without - other, without], np.stack([some, ~some], axis=1))
        levels = [two_decimals(float(np.exp(found.estimate[1, at]))) for at in (0, 1)]
        rows.append((model, *levels, ratio_cell(found[0, 0]), ratio_cell(found[0, 1])))
    header = ("model", "perplexity, siblings in the panel", "no siblings", "ratio, siblings", "ratio, no siblings")
    return Table(f"{study.first}: what siblings in training tell of test workers", header, tuple(rows), NOTE)
