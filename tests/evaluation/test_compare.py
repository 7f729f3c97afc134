"""Comparing fitted models: the same held-out workers for all, and nothing scored in vain."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import polars as pl
import pytest

from laborllm.errors import OptionError, PanelError
from laborllm.evaluation.compare import compare
from laborllm.models.contract import Floats, Forecast
from laborllm.occupations import Taxonomy
from laborllm.panel import Panel, Provenance

TAXONOMY = Taxonomy.from_occupations("small", [("1", "Cooks", "A"), ("2", "Bakers", "A"), ("3", "Waiters", "A")])


@dataclass
class Constant:
    """Gives every record the same distribution, and remembers whom it was asked about."""

    name: ClassVar[str] = "constant"
    probability: tuple[float, ...]
    asked: list[Panel] = field(default_factory=list)

    def fit(self, panel: Panel, *, seed: int, out: Path | None = None) -> Self:
        return self

    def forecast(self, panel: Panel) -> Forecast:
        self.asked.append(panel)
        log_prob = np.log(np.tile(self.probability, (len(panel), 1))).astype(np.float32)
        records = panel.records.select("worker", "year", "occupation")
        return Forecast(records, panel.taxonomy, log_prob, np.ones(len(panel)), "constant")

    def log_likelihood(self, panel: Panel) -> Floats:
        return self.forecast(panel).log_likelihood

    def save(self, path: Path) -> None:
        raise NotImplementedError

    @classmethod
    def load(cls, path: Path) -> Self:
        raise NotImplementedError


@pytest.fixture
def panel() -> Panel:
    rows = [
        {"worker": f"w{worker:02}", "year": year, "occupation": "123"[(worker + year) % 3], "split": split}
        for worker, split in enumerate(["train"] * 20 + ["test"] * 30)
        for year in (2000, 2001, 2002)
    ]
    return Panel(pl.DataFrame(rows), TAXONOMY, "made-up", Provenance("made up"))


def overall(found: pl.DataFrame) -> dict[str, float]:
    """Perplexity over all records, by model."""
    rows = found.filter((pl.col("kind") == "all") & (pl.col("measure") == "raw"))
    return dict(rows.select("model", "estimate").iter_rows())


@pytest.mark.parametrize("likelihood_only", [False, True])
def test_perplexity_is_that_of_the_held_out_records(panel: Panel, likelihood_only: bool) -> None:
    """Each occupation has a third of the records, so a constant has the inverse geometric mean as its perplexity."""
    models = {"even": Constant((1 / 3, 1 / 3, 1 / 3)), "uneven": Constant((0.5, 0.3, 0.2))}
    found = compare(models, panel, likelihood_only=likelihood_only, draws=40)
    assert overall(found.perplexity) == pytest.approx({"even": 3, "uneven": (0.5 * 0.3 * 0.2) ** (-1 / 3)}, rel=1e-6)
    assert found.sample.filter(pl.col("kind") == "all")["workers"].to_list() == [30]
    assert set(found.accuracy["model"]) == (set() if likelihood_only else set(models))


def test_a_sample_of_workers_is_the_same_for_all_models(panel: Panel) -> None:
    one, two = Constant((0.5, 0.3, 0.2)), Constant((0.2, 0.3, 0.5))
    compare({"one": one, "two": two}, panel, workers=12, draws=40, seed=3)
    assert one.asked[0].fingerprint == two.asked[0].fingerprint == panel.subset("test").sample(12, seed=3).fingerprint


def test_what_cannot_be_compared_is_found_before_any_scoring(panel: Panel) -> None:
    model = Constant((0.5, 0.3, 0.2))
    with pytest.raises(OptionError, match=r"the reference 'two' is not among the models: use one"):
        compare({"one": model}, panel, reference="two")
    with pytest.raises(PanelError, match="cannot draw 0 workers"):
        compare({"one": model}, panel, workers=0)
    with pytest.raises(OptionError, match="39 bootstrap draws"):
        compare({"one": model}, panel, draws=39)
    with pytest.raises(PanelError, match="no worker of the panel is in split valid"):
        compare({"one": model}, panel, split="valid")
    assert model.asked == []
