"""Versions of a panel: each change is what it says, and nothing else."""

import numpy as np
import polars as pl
import pytest

from laborllm.errors import PanelError
from laborllm.panel import Panel, assign_split
from laborllm.panel.split import resample_training
from laborllm.studies.protocol.panels import Panels
from laborllm.studies.protocol.versions import (
    ByWorker,
    Hidden,
    Mixed,
    Recent,
    Resampled,
    Resplit,
    Sampled,
    Share,
    Until,
    Version,
)

ONE = Version("ONE")


def test_changes_are_made_in_order(panels: Panels, careers: Panel) -> None:
    made = (ONE + Until(2005) + Share(0.5)).make(panels)
    known = careers.records.filter((pl.col("split") == "train") & (pl.col("year") <= 2005))["worker"].n_unique()
    assert made.subset("train").workers == round(known / 2)
    assert made.subset("test").records.equals(careers.subset("test").records)
    others = made.records.filter(pl.col("split") != "test")
    assert others["year"].max() <= 2005  # type: ignore[operator]


def test_a_key_knows_all_that_decides(panels: Panels) -> None:
    """Another panel, another change, another order or another seed is another version."""
    versions = [
        ONE,
        Version("OTHER"),
        ONE + Share(0.5),
        ONE + Share(0.5, seed=1),
        ONE + Until(2005) + Share(0.5),
        ONE + Share(0.5) + Until(2005),
        ONE + Mixed("OTHER", 0.5),
        ONE + Resampled(0),
        ONE + Sampled(5),
    ]
    identities = [repr(version.identity(panels.fingerprint)) for version in versions]
    assert len(set(identities)) == len(versions)
    assert identities[0] == repr([panels("ONE").fingerprint])


def test_households_are_drawn_with_replacement(careers: Panel) -> None:
    drawn = resample_training(careers.records, "household", seed=3)
    train, before = drawn.filter(split="train"), careers.records.filter(split="train")
    units = before["household"].unique().cast(pl.String).sort()
    chosen = np.random.default_rng(3).integers(len(units), size=len(units))
    expected = {int(household): int((chosen == at).sum()) for at, household in enumerate(units)}
    size = dict(before.group_by("household").len().iter_rows())
    counts = dict(train.group_by("household").len().iter_rows())
    assert counts == {household: times * size[household] for household, times in expected.items() if times}
    assert 0.5 < len(counts) / len(units) < 0.75  # 1 - 1/e of them
    originals = before.rows_by_key("worker", named=True)
    for copy, rows in train.rows_by_key("worker", named=True).items():
        assert rows == originals[str(copy).partition("#")[0]]
    careers.with_records(drawn)  # is a panel, with no worker twice in a year
    rest = pl.col("split") != "train"
    assert drawn.filter(rest).sort("worker", "year").equals(careers.records.filter(rest))


def test_folds_hold_everyone_out_once(panels: Panels, careers: Panel) -> None:
    folds = [(ONE + Resplit(seed=5, fold=fold, folds=3)).make(panels) for fold in range(3)]
    tested = [set(fold.subset("test").records["worker"]) for fold in folds]
    assert sorted(worker for each in tested for worker in each) == sorted(set(careers.records["worker"]))
    for fold in folds:
        assert fold.records.group_by("household").agg(pl.col("split").n_unique())["split"].to_list() == [1] * 61
        assert 0.02 < fold.subset("valid").workers / careers.workers < 0.2
    again = (ONE + Resplit(seed=6, fold=0, folds=3)).make(panels)
    assert set(again.subset("test").records["worker"]) != tested[0]


@pytest.mark.parametrize("unit", ["records", "years"])
@pytest.mark.parametrize("last", [0, 1, 3])
def test_windows_are_those_cut_by_hand(panels: Panels, careers: Panel, last: int, unit: str) -> None:
    made = (ONE + Recent(last, unit)).make(panels)  # type: ignore[arg-type]
    expected = {}
    for worker, career in careers.subset("test").records.rows_by_key("worker", named=True).items():
        for at, row in enumerate(career):
            before = career[max(0, at - last) : at]
            if unit == "years":
                before = [other for other in career[:at] if other["year"] >= row["year"] - last]
            expected[f"{worker}|{row['year']}"] = [*before, row]
    assert made.records.rows_by_key("worker", named=True) == expected


def test_a_covariate_is_hidden_from_test_workers(panels: Panels, careers: Panel) -> None:
    made = (ONE + Hidden("gender")).make(panels)
    assert made.subset("test").records["gender"].null_count() == len(made.subset("test"))
    assert made.subset("train").records.equals(careers.subset("train").records)
    for covariate, units in (("gender", "worker"), ("education", "year")):
        permuted = (ONE + Hidden(covariate, permuted=True)).make(panels).subset("test").records
        own = careers.subset("test").records
        assert not permuted[covariate].equals(own[covariate])
        drawn = (each.unique(["worker"]) if units == "worker" else each for each in (permuted, own))
        one, other = (sorted(each[covariate].to_list(), key=str) for each in drawn)
        assert one == other
        assert permuted.drop(covariate).equals(own.drop(covariate))
    with pytest.raises(PanelError, match="'wage' is no covariate: use education, gender"):
        (ONE + Hidden("wage")).make(panels)


def test_other_panels_are_mixed_in(panels: Panels, careers: Panel) -> None:
    made = (ONE + Mixed("OTHER", 0.5)).make(panels)
    added = made.subset("train").workers - careers.subset("train").workers
    assert added == round(panels("OTHER").subset("train").workers / 2)
    assert made.held_out == careers.held_out


def test_siblings_of_test_workers_leave(panels: Panels, careers: Panel) -> None:
    """Or as many others: either way the same people are tested, and as many are trained on."""
    without, other = ((ONE + ByWorker(siblings=siblings)).make(panels) for siblings in (True, False))
    alone = assign_split(careers.records.drop("split"))
    assert set(without.subset("test").records["worker"]) == set(alone.filter(split="test")["worker"])
    assert without.subset("test").records.equals(other.subset("test").records)
    assert (
        without.subset("train").workers
        == other.subset("train").workers
        < alone.filter(split="train")["worker"].n_unique()
    )
    tested = set(without.subset("test").records["household"])
    assert not tested & set(without.subset("train").records["household"])
    assert tested & set(other.subset("train").records["household"])
    assert without.split_by == "worker"


def test_some_test_workers(panels: Panels, careers: Panel) -> None:
    made = (ONE + Sampled(7, split="test")).make(panels)
    assert made.subset("test").workers == 7
    assert made.subset("train").records.equals(careers.subset("train").records)
