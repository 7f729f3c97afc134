"""The head over titles: its formula, and its forecasts before it is trained."""

from dataclasses import replace
from pathlib import Path
from shutil import rmtree
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from laborllm.errors import OptionError, RunError, StorageError
from laborllm.lm.base.load import BaseModel
from laborllm.lm.tokens.encoding import CareerEncoder, by_worker
from laborllm.lm.tuning.config import TuningConfig
from laborllm.models.contract import Spec
from laborllm.models.counts.specs import Transition
from laborllm.models.forecasts.forecast import Forecast
from laborllm.models.language.head.classifier import TitleClassifier
from laborllm.models.language.head.inputs import HISTORY_FEATURES, HeadInputs, history_features
from laborllm.models.language.head.network import HeadNetwork
from laborllm.models.language.head.offset import offset_logits, with_offset
from laborllm.models.language.head.task import TitleChoice
from laborllm.models.language.specs import TitleHead
from laborllm.models.language.titles import encode
from laborllm.models.registry import load
from laborllm.models.sequence.specs import Logit
from laborllm.models.two_stage import two_stage_log_prob
from laborllm.occupations import Taxonomy
from laborllm.panel import Panel
from laborllm.panel.history import History
from laborllm.text import Template

CLASSES, WIDTH, RECORDS = 4, 6, 9


@pytest.fixture
def head() -> HeadNetwork:
    generator = torch.Generator().manual_seed(0)
    head = HeadNetwork(CLASSES, WIDTH)
    titles, center = (torch.randn(*size, generator=generator) for size in ((CLASSES, WIDTH), (WIDTH,)))
    head.initialise(titles, center, torch.rand(WIDTH, generator=generator) + 0.5)
    for parameter in head.parameters():
        parameter.data.normal_(generator=generator)
    return head


def head_inputs(generator: torch.Generator) -> HeadInputs:
    previous = torch.randint(CLASSES + 1, (RECORDS,), generator=generator)
    offset = torch.randn(RECORDS, CLASSES + 1, generator=generator)
    history = torch.rand(RECORDS, CLASSES, HISTORY_FEATURES, generator=generator)
    return HeadInputs(torch.arange(RECORDS), previous, torch.zeros(RECORDS, dtype=torch.long), offset, history)


def test_formula_by_hand(head: HeadNetwork) -> None:
    generator = torch.Generator().manual_seed(1)
    hidden, known = torch.randn(RECORDS, WIDTH, generator=generator), head_inputs(generator)
    found = head(hidden, known).detach().numpy()
    assert head.history is not None
    for at in range(RECORDS):
        h = (hidden[at] - head.center) / head.spread / WIDTH**0.5
        j = int(known.previous[at])
        z = [
            known.offset[at, k]
            + head.titles[k] @ head.meaning.weight @ h
            + known.history[at, k] @ (head.history.weight @ h + head.history.bias)
            for k in range(CLASSES)
        ]
        stay = (
            torch.sigmoid(known.offset[at, -1] + head.stay.weight[0] @ h + head.stay.bias[0]).item()
            if j < CLASSES
            else 0.0
        )
        move = np.array([0.0 if k == j else np.exp(z[k].item()) for k in range(CLASSES)])
        expected = (1 - stay) * move / move.sum() + stay * (np.arange(CLASSES) == j)
        np.testing.assert_allclose(np.exp(found[at]), expected, rtol=1e-4, atol=0)


def test_without_history_features_none_counts() -> None:
    generator = torch.Generator().manual_seed(1)
    head = HeadNetwork(CLASSES, WIDTH, history_features=False)
    hidden, known = torch.randn(RECORDS, WIDTH, generator=generator), head_inputs(generator)
    assert [name for name, _ in head.named_parameters()] == ["meaning.weight", "stay.weight", "stay.bias"]
    assert torch.equal(head(hidden, known), head(hidden, replace(known, history=1 - known.history)))


def test_history_features_by_hand() -> None:
    found = history_features([2, 0, 0, 1], 3)
    np.testing.assert_array_equal(found[:, :, 0], [[0, 0, 0], [0, 0, 1], [1, 0, 1], [1, 0, 1]])
    assert found[:, :, 1] == pytest.approx(np.array([[0, 0, 0], [0, 0, 1], [1, 0, 1 / 2], [1, 0, 1 / 3]]))


@pytest.mark.parametrize(
    "offset", [Transition(), Logit(replace(Logit().training, epochs=1))], ids=["transition", "logit"]
)
def test_it_starts_at_the_forecasts_of_another_model(
    offset: Spec, panel: Panel, base_folder: Path, tmp_path: Path
) -> None:
    """With a rate too small to learn anything; its run folder stands alone."""
    test = panel.subset("test")
    other = offset.fit(panel, seed=0)
    other.save(tmp_path / "offset")
    expected = other.forecast(test).log_prob
    model = TitleHead(
        base=str(base_folder),
        offset_model=tmp_path / "offset",
        training=TuningConfig.preset("head", learning_rate=1e-12),
    )
    fitted = model.fit(panel)
    fitted.save(tmp_path / "head")
    rmtree(tmp_path / "offset")
    assert fitted.forecast(test).log_prob == pytest.approx(expected, abs=1e-4)
    assert load(tmp_path / "head").forecast(test).log_prob == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("use", ["offset_model", "teacher"])
def test_a_model_of_another_split_is_refused(use: str, panel: Panel, base_folder: Path, tmp_path: Path) -> None:
    """As offset model, or as a teacher: it has seen workers who are held out now."""
    moved = {"train": "test", "test": "train"}
    other = replace(panel, records=panel.records.with_columns(pl.col("split").replace(moved)))
    Transition().fit(other).save(tmp_path / "run")
    choice: dict[str, Any] = {use: tmp_path / "run"}
    model = TitleHead(base=str(base_folder), **choice)
    with pytest.raises(RunError, match="fitted on another split"):
        model.fit(panel)


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"teacher_weight": 0.5}, "weight of a teacher, and there is none"),
        ({"teacher": Path("runs/nemo"), "teacher_weight": 1.1}, "between 0 and 1, not 1.1"),
        ({"teacher": Path("runs/nemo"), "teacher_weight": -0.1}, "between 0 and 1, not -0.1"),
        ({"teacher": Path("runs/nemo"), "teacher_weight": np.nan}, "between 0 and 1, not nan"),
    ],
)
def test_a_bad_weight_of_a_teacher_is_refused(choice: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        TitleHead(**choice)


def choosing(base: BaseModel, panel: Panel, teacher: Forecast | None, weight: float = 0.0) -> TitleChoice:
    """The training of a head with transition frequencies as offset, before its first step."""
    encoder, beginning = CareerEncoder(base.tokenizer, Template(), panel.taxonomy), Transition().fit(panel)
    train = panel.subset("train")
    careers = by_worker(with_offset(encode(encoder, train), train, beginning.forecast(train), teacher))
    return TitleChoice(
        training=careers,
        pack_tokens=512,
        classifier=TitleClassifier.on_best_device(base, encoder),
        valid=[],
        text_weight=0.0,
        teacher_weight=weight,
    )


def loss_and_gradient(task: TitleChoice) -> tuple[float, dict[str, Tensor]]:
    """Of all training careers."""
    loss = torch.stack([part for part, _ in task.loss(range(len(task.training)))]).sum()
    loss.backward()
    gradient = {name: parameter.grad for name, parameter in task.classifier.head.named_parameters()}
    return loss.item(), {name: grad for name, grad in gradient.items() if grad is not None}


def test_the_loss_with_a_teacher_by_hand(base: BaseModel, panel: Panel) -> None:
    """Cross-entropy of the mixed distributions; its gradient in the logit of staying is sigmoid(s) less the target."""
    train, weight = panel.subset("train"), 0.3
    teacher = Transition(variant="plain").fit(panel).forecast(train)
    offset, previous = Transition().fit(panel).forecast(train).log_prob, History.of(train).previous
    target = weight * np.exp(teacher.log_prob)
    target[np.arange(len(train)), teacher.observed] += 1 - weight
    loss, gradient = loss_and_gradient(choosing(base, panel, teacher, weight))
    assert loss == pytest.approx(-(target * offset).sum(), rel=1e-5)
    later = (previous < len(panel.taxonomy)).nonzero()[0]
    too_much = np.exp(offset[later, previous[later]]) - target[later, previous[later]]
    assert gradient["stay.bias"].item() == pytest.approx(too_much.sum(), rel=1e-4)


def test_a_teacher_who_knows_what_was_observed_teaches_nothing_else(base: BaseModel, panel: Panel) -> None:
    train = panel.subset("train")
    forecast = Transition().fit(panel).forecast(train)
    certain = np.full_like(forecast.log_prob, -np.inf)
    certain[np.arange(len(train)), forecast.observed] = 0
    loss, gradient = loss_and_gradient(choosing(base, panel, replace(forecast, log_prob=certain), 0.7))
    base.model.zero_grad()
    alone, alone_gradient = loss_and_gradient(choosing(base, panel, None))
    assert loss == pytest.approx(alone, rel=1e-6)
    torch.testing.assert_close(gradient, alone_gradient, rtol=1e-4, atol=1e-5)


def test_a_teacher_is_needed_for_the_fit_alone(panel: Panel, base_folder: Path, tmp_path: Path) -> None:
    """The run folder stands without it; a fit resumes with the same teacher only."""
    run, teacher = tmp_path / "head", tmp_path / "teacher"
    Transition(variant="plain").fit(panel).save(teacher)
    model = TitleHead(base=str(base_folder), teacher=teacher, training=TuningConfig.preset("head", learning_rate=1e-2))
    fitted = model.fit(panel, out=run)
    rmtree(teacher)
    Transition(variant="second-order").fit(panel).save(teacher)
    with pytest.raises(StorageError, match="holds a training with teacher"):
        model.fit(panel, out=run)
    fitted.save(run)
    rmtree(teacher)
    test = panel.subset("test")
    np.testing.assert_array_equal(load(run).forecast(test).log_prob, fitted.forecast(test).log_prob)


def test_a_file_of_forecasts_teaches_as_the_model_that_wrote_it(
    panel: Panel, base_folder: Path, tmp_path: Path
) -> None:
    teacher = Transition(variant="second-order").fit(panel)
    teacher.save(tmp_path / "teacher")
    teacher.forecast(panel.subset("train")).save(tmp_path / "teacher.parquet")
    test, config = panel.subset("test"), TuningConfig.preset("head", learning_rate=1e-2)
    by_model, by_file = (
        TitleHead(base=str(base_folder), teacher=tmp_path / name, training=config).fit(panel).forecast(test).log_prob
        for name in ("teacher", "teacher.parquet")
    )
    np.testing.assert_allclose(by_file, by_model, atol=1e-5)  # a file holds float32


def test_an_offset_model_that_sees_more_than_the_last_records_is_refused(panel: Panel, base_folder: Path) -> None:
    """Transition frequencies, the default, see the occupation before only."""
    model = TitleHead(base=str(base_folder), template=Template(last_records=2))
    with pytest.raises(OptionError, match="sees all earlier records"):
        replace(model, offset_model=Path("logit")).fit(panel)
    model.fit(panel)


@given(st.data())
def test_offset_logits_give_the_forecast(data: st.DataObject) -> None:
    """Also where a title has no probability, or all of it."""
    classes, records = data.draw(st.integers(2, 6)), data.draw(st.integers(1, 9))
    weights = st.lists(st.sampled_from([0.0, 1e-9, 0.3, 1.0, 7.0]), min_size=classes, max_size=classes).filter(any)
    probability = np.array([data.draw(weights) for _ in range(records)])
    probability /= probability.sum(axis=1, keepdims=True)
    column = np.array(data.draw(st.lists(st.integers(0, classes - 1), min_size=records, max_size=records)))
    first = np.array([True, *data.draw(st.lists(st.booleans(), min_size=records - 1, max_size=records - 1))])
    taxonomy = Taxonomy(
        "few", tuple(map(str, range(classes))), tuple(f"Title {k}" for k in range(classes)), ("all",) * classes
    )
    records_of = {"worker": first.cumsum().astype(str), "year": range(records), "occupation": column.astype(str)}
    before = np.where(first, classes, np.roll(column, 1))
    with np.errstate(divide="ignore"):
        log_prob = np.log(probability).astype(np.float32)
    forecast = Forecast(pl.DataFrame(records_of), taxonomy, log_prob, np.ones(records), "by hand")
    found = (
        two_stage_log_prob(torch.from_numpy(offset_logits(forecast.log_prob, before)), torch.tensor(before))
        .exp()
        .numpy()
    )
    np.testing.assert_allclose(found, probability, atol=2e-6)


def test_an_occupation_never_held_is_scored_by_its_title(head: HeadNetwork) -> None:
    """Of two occupations alike but for their titles, the one whose title is that of a likely third is more probable."""
    assert head.history is not None
    with torch.no_grad():
        head.titles[2] = head.titles[0]
        head.titles[3] = -head.titles[0]
        head.history.weight.zero_()
        head.history.bias.zero_()
        hidden = head.center + torch.linalg.pinv(head.meaning.weight) @ head.titles[0] * head.spread
        offset = torch.tensor([[0.0, 0.0, -5.0, -5.0, 0.0]])
        known = HeadInputs(
            torch.tensor([0]), torch.tensor([1]), torch.tensor([0]), offset, torch.zeros(1, CLASSES, HISTORY_FEATURES)
        )
        (log_prob,) = head(hidden[None], known)
    assert log_prob[2] > log_prob[3]
