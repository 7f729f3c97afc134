"""Distillation: the loss is least at the mean of teacher and truth, and a fit learns from a file of forecasts."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

import laborllm as ll
from laborllm.errors import OptionError, RunError
from laborllm.models.distillation import distilled_loss
from laborllm.models.sequence.inputs.careers import index_careers
from laborllm.models.sequence.inputs.vocabulary import Vocabulary
from laborllm.models.sequence.model import FittedSequence
from laborllm.panel import Panel
from laborllm.training.config import TrainingConfig

SHORT = TrainingConfig(epochs=3, batch_size=8, learning_rate=1e-2)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_the_loss_is_least_at_the_mean_of_frequencies_and_teacher(share: float) -> None:
    """One free distribution for all records, as a table of transitions has for a last occupation."""
    generator = torch.Generator().manual_seed(0)
    observed = torch.randint(4, (200,), generator=generator)
    teacher = torch.rand(200, 4, generator=generator).double()
    teacher /= teacher.sum(dim=1, keepdim=True)
    best = (1 - share) * torch.bincount(observed, minlength=4).double() / 200 + share * teacher.mean(dim=0)
    scores = best.log().clone().requires_grad_()
    log_prob = scores.log_softmax(dim=0).expand(200, 4)
    loss = distilled_loss(log_prob, log_prob.gather(1, observed[:, None])[:, 0], teacher, share)
    (gradient,) = torch.autograd.grad(loss, scores)
    assert gradient.numpy() == pytest.approx(np.zeros(4), abs=1e-9)
    entropy = -(best * best.log()).sum()
    assert loss.item() == pytest.approx(200 * entropy.item())


def test_rows_are_those_of_the_records_of_a_batch(panel: Panel) -> None:
    careers = index_careers(panel, Vocabulary.of(panel))
    batch = careers.batch([7, 0, 3])
    for name in ("occupation", "previous", "position"):
        assert torch.equal(careers.index[name][careers.rows([7, 0, 3])], batch.records(name))


def fitted(panel: Panel, **options: Any) -> FittedSequence:
    found = ll.fit("nemo", panel, training=SHORT, width=16, **options)
    assert isinstance(found, FittedSequence)
    return found


def weights_of(model: FittedSequence) -> dict[str, torch.Tensor]:
    return dict(model.network.state_dict())


def test_a_teacher_of_no_weight_teaches_nothing_and_one_of_all_weight_hides_the_targets(
    panel: Panel, tmp_path: Path
) -> None:
    teacher = tmp_path / "teacher.parquet"
    ll.fit("transition", panel).forecast(panel).save(teacher)
    alone, silent = fitted(panel), fitted(panel, teacher=teacher, teacher_weight=0.0)
    torch.testing.assert_close(weights_of(silent), weights_of(alone))
    taught = fitted(panel, teacher=teacher, teacher_weight=1.0)
    relabelled = _with_other_targets(panel)
    ll.fit("transition", panel).forecast(_opened(relabelled)).save(tmp_path / "same.parquet")
    again = fitted(relabelled, teacher=tmp_path / "same.parquet", teacher_weight=1.0)
    torch.testing.assert_close(weights_of(again), weights_of(taught), rtol=0, atol=0)


def _with_other_targets(panel: Panel) -> Panel:
    """The last occupation of every training career is the first of the taxonomy: a target, and history of none."""
    is_last = (pl.col("year") == pl.col("year").max().over("worker")) & (pl.col("split") == "train")
    other = pl.when(is_last).then(pl.lit(panel.taxonomy.codes[0])).otherwise("occupation")
    return panel.with_records(panel.records.with_columns(other.alias("occupation")))


def _opened(panel: Panel) -> Panel:
    """The same careers with their last records open: what was forecast then may have been observed since."""
    is_last = pl.col("year") == pl.col("year").max().over("worker")
    known = pl.when(~is_last).then("occupation").alias("occupation")
    return panel.with_records(panel.records.with_columns(known))


def test_a_student_comes_nearer_to_its_teacher(panel: Panel, tmp_path: Path) -> None:
    """Not to what was observed: of the two, the one with a teacher is nearer to it on people that neither has seen."""
    teacher, test = ll.fit("transition", panel).forecast(panel), panel.subset("test")
    teacher.save(tmp_path / "teacher.parquet")
    wanted = teacher.of(test)

    def divergence(student: FittedSequence) -> float:
        own = student.forecast(test).log_prob
        return float((np.exp(wanted.log_prob) * (wanted.log_prob - own)).sum(axis=1).mean())

    taught = fitted(panel, teacher=tmp_path / "teacher.parquet", teacher_weight=0.9)
    assert divergence(taught) < divergence(fitted(panel))


def test_a_teacher_of_another_split_and_a_weight_without_one_are_refused(panel: Panel, tmp_path: Path) -> None:
    moved = panel.records.with_columns(pl.col("split").replace({"train": "test", "test": "train"}))
    ll.fit("transition", panel.with_records(moved)).forecast(panel).save(tmp_path / "other.parquet")
    with pytest.raises(RunError, match="fitted on another split"):
        fitted(panel, teacher=tmp_path / "other.parquet")
    with pytest.raises(OptionError, match="weight of a teacher, and there is none"):
        ll.Nemo(teacher_weight=0.5)
    assert ll.Career(teacher=tmp_path / "other.parquet").teacher_weight == 0.5
