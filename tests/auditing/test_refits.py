"""Refits: random halves that keep households whole, fitted once."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import polars as pl
import pytest

from laborllm import import_synthetic
from laborllm.auditing.canaries import plant_canaries
from laborllm.auditing.refits import Half, halves, refit
from laborllm.errors import OptionError
from laborllm.models.counts.specs import Transition
from laborllm.models.counts.transition import FittedTransition
from laborllm.models.mixture.specs import Mixture
from laborllm.panel import Panel, assign_split
from laborllm.studies.protocol.cache import RunCache
from laborllm.studies.protocol.panels import Panels
from laborllm.studies.protocol.runs import Fit, Scores
from laborllm.studies.protocol.versions import Version

FITS: list[int] = []


@dataclass(frozen=True)
class Counting(Transition):
    """A transition model that notes how many workers each fit was given."""

    name: ClassVar[str] = "transition"

    def fit(self, panel: Panel, *, seed: int = 0, out: Path | None = None) -> FittedTransition:
        FITS.append(panel.subset("train").workers)
        return super().fit(panel, seed=seed)


@pytest.fixture(scope="module")
def panel() -> Panel:
    return import_synthetic(workers=120)


@pytest.fixture(scope="module")
def households(panel: Panel) -> Panel:
    """Two to a household, but for one who has none."""
    names = panel.records["worker"].unique(maintain_order=True)
    pairs = pl.DataFrame({"worker": names, "household": [None, *(at // 2 for at in range(len(names) - 1))]})
    records = panel.records.drop("split").join(pairs, on="worker", maintain_order="left")
    return replace(panel, records=assign_split(records, by="household"), split_by="household")


def test_halves_leave_out_each_others_workers_and_nobody_of_split_valid(households: Panel) -> None:
    masks = np.stack(list(halves(households, 6, seed=0)))
    valid = (households.records["split"] == "valid").to_numpy()
    assert not masks[:, valid].any()
    assert (masks.sum(axis=0)[~valid] == 3).all()
    assert (masks[::2] != masks[1::2])[:, ~valid].all()
    assert not (masks[0] == masks[2]).all()
    for name in ("worker", "household"):
        spread = households.records.select(name, pl.Series("in", masks[0])).filter(~pl.Series(valid)).drop_nulls()
        assert spread.group_by(name).agg(pl.col("in").n_unique())["in"].max() == 1


def test_each_refit_is_trained_on_its_half_and_only_once(panel: Panel, tmp_path: Path) -> None:
    FITS.clear()
    found = refit(Counting(), panel, 4, cache=tmp_path / "cache")
    drawn = panel.records.filter(pl.col("split") != "valid")["worker"].n_unique()
    assert [drawn // 2, drawn - drawn // 2] * 2 == FITS
    again = refit(Counting(), panel, 4, cache=tmp_path / "cache")
    assert len(FITS) == 4
    assert (again.log_likelihood == found.log_likelihood).all()
    refit(Counting(variant="plain"), panel, 4, cache=tmp_path / "cache")
    refit(Counting(), panel, 4, seed=1, cache=tmp_path / "cache")
    assert len(FITS) == 12


def test_a_refit_says_what_a_fit_on_its_half_says(panel: Panel, tmp_path: Path) -> None:
    found = refit(Transition(), panel, 4, cache=tmp_path)
    split = np.where(found.trained[2], "train", np.where(panel.records["split"] == "valid", "valid", "test"))
    fitted = Transition().fit(panel.with_records(panel.records.with_columns(split=pl.Series(split))))
    assert found.log_likelihood[2].tolist() == pytest.approx(fitted.log_likelihood(panel).tolist(), rel=1e-6)


def test_audits_and_studies_keep_their_runs_in_one_folder(panel: Panel, tmp_path: Path) -> None:
    """What an audit fitted is there for a study, under the same key; the other half and another seed are other fits."""
    found = refit(Transition(), panel, 4, cache=tmp_path)
    study, whole = RunCache(tmp_path, Panels.of(panel)), Version(panel.dataset)
    fits = [Fit("transition", Transition(), whole + Half(number, 0), number) for number in range(4)]
    assert sorted(study.place(fit) for fit in fits) == sorted((tmp_path / "runs").iterdir())
    said = study.log_prob(Scores(fits[3], whole, split="all", whole=False))["log_prob"]
    assert said.to_list() == found.log_likelihood[3].tolist()
    assert not study.has(Fit("transition", Transition(), whole + Half(0, 1), 0))


@pytest.mark.parametrize("refits", [1, 2, 5])
def test_too_few_refits_or_an_odd_number(panel: Panel, tmp_path: Path, refits: int) -> None:
    with pytest.raises(OptionError, match="an even number, 4 or more"):
        refit(Transition(), panel, refits, cache=tmp_path)


def test_what_a_recipe_names_is_fitted_again_on_the_same_half(panel: Panel, tmp_path: Path) -> None:
    """An ensemble whose members were trained on the people of a half would tell nothing of it."""
    specs = {"one": Transition("plain"), "again": Transition("plain"), "two": Transition("two-part")}
    for name, spec in specs.items():
        spec.fit(panel).save(tmp_path / name)
    mixture = Mixture(tuple(tmp_path / name for name in specs))
    found = refit(mixture, panel, 4, cache=tmp_path / "cache")
    half = Half(2, 0).apply(panel, lambda name: panel)
    _, plain, two_part = (spec.fit(half).log_likelihood(panel) for spec in specs.values())
    low, high = np.minimum(plain, two_part), np.maximum(plain, two_part)
    assert ((found.log_likelihood[2] > low - 1e-5) & (found.log_likelihood[2] < high + 1e-5)).all()
    runs = [run.name.split("-")[0] for run in (tmp_path / "cache" / "runs").iterdir()]
    assert sorted(runs) == ["mixture"] * 4 + ["transition"] * 12


def test_a_file_of_forecasts_cannot_be_fitted_again(panel: Panel, tmp_path: Path) -> None:
    Transition().fit(panel).forecast(panel).save(tmp_path / "forecast.parquet")
    mixture = Mixture((tmp_path / "forecast.parquet",))
    with pytest.raises(OptionError, match="a file of forecasts, which cannot be fitted again"):
        refit(mixture, panel, 4, cache=tmp_path / "cache")
    with pytest.raises(OptionError, match="a file of forecasts, which cannot be fitted again"):
        plant_canaries(mixture, panel)
