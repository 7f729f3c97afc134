"""Networks learn what there is to learn: ten careers by heart, another panel's weights, a language model's reading."""

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

from laborllm.errors import RunError
from laborllm.models.sequence.network import NextOccupation
from laborllm.models.sequence.specs import Career, Nemo, SequenceSpec
from laborllm.models.sequence.warm_start import embed_titles
from laborllm.panel import Panel
from laborllm.training.config import TrainingConfig

BY_HEART = TrainingConfig(epochs=120, batch_size=10, learning_rate=1e-2, validate_every=600)
NOT_AT_ALL = TrainingConfig(epochs=1, batch_size=100, learning_rate=1e-12)


def small(training: TrainingConfig = NOT_AT_ALL, width: int = 16, pretrained: Path | None = None) -> Career:
    return Career(training, layers=1, width=width, heads=2, pretrained=pretrained)


@pytest.fixture
def ten(panel: Panel) -> Panel:
    """Ten careers that their year of birth tells apart, to train and to validate on."""
    workers = panel.records["worker"].unique(maintain_order=True)[10:20].to_list()
    careers = panel.records.filter(pl.col("worker").is_in(workers)).with_columns(
        birth_year=1960 + pl.col("worker").replace_strict(workers, range(10), return_dtype=pl.Int16)
    )
    twice = [careers.with_columns(pl.col("worker") + split, split=pl.lit(split)) for split in ("train", "valid")]
    return dataclasses.replace(panel, records=pl.concat(twice))


@pytest.mark.parametrize(
    "model",
    [Nemo(training=BY_HEART, width=32, dropout=0), Career(training=BY_HEART, layers=2, width=32, dropout=0)],
    ids=("nemo", "career"),
)
def test_ten_careers_are_learnt_by_heart(model: SequenceSpec, ten: Panel) -> None:
    assert -model.fit(ten, seed=0).log_likelihood(ten).mean() < 0.02


def test_an_interrupted_fit_goes_on(panel: Panel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From its last checkpoint, to the same bits; the checkpoints go once the run folder is there."""
    config = TrainingConfig(epochs=4, batch_size=8, learning_rate=1e-2, validate_every=16)
    whole = Nemo(training=config).fit(panel, seed=1)

    loss, left = NextOccupation.loss, iter(range(12))

    def loss_until_interrupted(task: NextOccupation, batch: Sequence[int]) -> Iterator[tuple[torch.Tensor, float]]:
        if next(left, None) is None:
            raise KeyboardInterrupt
        return loss(task, batch)

    with monkeypatch.context() as patch:
        patch.setattr(NextOccupation, "loss", loss_until_interrupted)
        with pytest.raises(KeyboardInterrupt):
            Nemo(training=config).fit(panel, seed=1, out=tmp_path / "run")
    assert (tmp_path / "run.training").is_dir()
    resumed = Nemo(training=config).fit(panel, seed=1, out=tmp_path / "run")
    np.testing.assert_array_equal(resumed.forecast(panel).log_prob, whole.forecast(panel).log_prob)
    resumed.save(tmp_path / "run")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_weights_are_initialised_from_a_pretrained_run(panel: Panel, tmp_path: Path) -> None:
    """Before anything is learnt from the new panel, its forecasts are those of the old run, which knows some of the
    years and levels of education and not others."""
    old = small(training=dataclasses.replace(BY_HEART, epochs=3)).fit(panel)
    old.save(tmp_path / "old")
    records = panel.records.with_columns(pl.col("year") + 3, pl.col("education").replace("college", "a new school"))
    other = dataclasses.replace(panel, records=records, dataset="OTHER")
    started = small(pretrained=tmp_path / "old").fit(other)
    np.testing.assert_allclose(started.forecast(other).log_prob, old.forecast(other).log_prob, atol=1e-5)


def test_a_pretrained_run_that_does_not_fit_is_refused(panel: Panel, tmp_path: Path) -> None:
    small().fit(panel).save(tmp_path / "old")
    Nemo(training=NOT_AT_ALL).fit(panel).save(tmp_path / "nemo")
    with pytest.raises(RunError, match="holds a model nemo: weights are initialised from a model career only"):
        small(pretrained=tmp_path / "nemo").fit(panel)
    wider = small(width=32, pretrained=tmp_path / "old")
    with pytest.raises(RunError, match=r"has layers, width and heads \(1, 16, 2\), not \(1, 32, 2\)"):
        wider.fit(panel)
    swapped = panel.records.with_columns(pl.col("split").replace({"train": "test", "test": "train"}))
    started = small(pretrained=tmp_path / "old")
    with pytest.raises(RunError, match="fitted on another split"):
        started.fit(dataclasses.replace(panel, records=swapped))


def test_vectors_begin_as_principal_components() -> None:
    """Titles that are near each other in the reading are near each other in the table, at the spread it had."""
    torch.manual_seed(0)
    vectors = torch.randn(7, 3) @ torch.randn(3, 40) + 5  # three dimensions say it all
    table = torch.randn(8, 3)
    last, spread = table[-1].clone(), table.std()
    embed_titles(table, vectors)
    distance, expected = torch.pdist(table[:7]), torch.pdist(vectors)
    torch.testing.assert_close(distance / distance.mean(), expected / expected.mean())
    torch.testing.assert_close(table[:7].square().mean().sqrt(), spread)
    torch.testing.assert_close(table[-1], last)
