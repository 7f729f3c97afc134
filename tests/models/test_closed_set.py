"""The head over the closed set of titles: its formula, and what it knows before it has learnt anything."""

from dataclasses import replace
from pathlib import Path
from shutil import rmtree

import numpy as np
import polars as pl
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from laborllm.errors import ModelError
from laborllm.lm.recipe import HeadRecipe
from laborllm.models.closed_set import MEMORIES, ClosedSetHead, Steps, memories, two_stage_scores
from laborllm.models.contract import Forecast, OccupationModel
from laborllm.models.logit import Logit
from laborllm.models.plans import LogitPlan
from laborllm.models.registry import load_model
from laborllm.models.sequence.two_stage import two_stage_log_prob
from laborllm.models.title_head import TitleHead
from laborllm.models.transition import FIRST, Transition
from laborllm.occupations import Taxonomy
from laborllm.panel import Panel
from laborllm.text import Template

ENTRIES, WIDTH, RECORDS = 4, 6, 9


@pytest.fixture
def head() -> ClosedSetHead:
    generator = torch.Generator().manual_seed(0)
    head = ClosedSetHead(ENTRIES, WIDTH)
    titles, center = (torch.randn(*size, generator=generator) for size in ((ENTRIES, WIDTH), (WIDTH,)))
    head.begin(titles, center, torch.rand(WIDTH, generator=generator) + 0.5)
    for parameter in head.parameters():
        parameter.data.normal_(generator=generator)
    return head


def steps(generator: torch.Generator) -> Steps:
    previous = torch.randint(ENTRIES + 1, (RECORDS,), generator=generator)
    told = torch.randn(RECORDS, ENTRIES + 1, generator=generator)
    held = torch.rand(RECORDS, ENTRIES, MEMORIES, generator=generator)
    return Steps(torch.arange(RECORDS), previous, torch.zeros(RECORDS, dtype=torch.long), told, held)


def test_formula_by_hand(head: ClosedSetHead) -> None:
    generator = torch.Generator().manual_seed(1)
    hidden, known = torch.randn(RECORDS, WIDTH, generator=generator), steps(generator)
    found = head(hidden, known).detach().numpy()
    for at in range(RECORDS):
        h = (hidden[at] - head.center) / head.spread / WIDTH**0.5
        j = int(known.previous[at])
        z = [
            known.told[at, k]
            + head.titles[k] @ head.meaning.weight @ h
            + known.held[at, k] @ (head.recall.weight @ h + head.recall.bias)
            for k in range(ENTRIES)
        ]
        stay = (
            torch.sigmoid(known.told[at, -1] + head.gate.weight[0] @ h + head.gate.bias[0]).item()
            if j < ENTRIES
            else 0.0
        )
        move = np.array([0.0 if k == j else np.exp(z[k].item()) for k in range(ENTRIES)])
        expected = (1 - stay) * move / move.sum() + stay * (np.arange(ENTRIES) == j)
        np.testing.assert_allclose(np.exp(found[at]), expected, rtol=1e-4, atol=0)


def test_memories_by_hand() -> None:
    found = memories([2, 0, 0, 1], 3)
    np.testing.assert_array_equal(found[:, :, 0], [[0, 0, 0], [0, 0, 1], [1, 0, 1], [1, 0, 1]])
    assert found[:, :, 1] == pytest.approx(np.array([[0, 0, 0], [0, 0, 1], [1, 0, 1 / 2], [1, 0, 1 / 3]]))


@pytest.mark.parametrize("begin", [Transition(), Logit(plan=LogitPlan(epochs=1))], ids=["transition", "logit"])
def test_it_begins_at_the_forecasts_of_another_model(
    begin: OccupationModel, panel: Panel, base_folder: Path, tmp_path: Path
) -> None:
    """With a rate too small to learn anything; its run folder stands alone."""
    test = panel.subset("test")
    begin.fit(panel, seed=0).save(tmp_path / "begin")
    expected = begin.forecast(test).log_prob
    model = TitleHead(base=str(base_folder), begin=str(tmp_path / "begin"), recipe=HeadRecipe(learning_rate=1e-12))
    model.fit(panel).save(tmp_path / "head")
    rmtree(tmp_path / "begin")
    assert model.forecast(test).log_prob == pytest.approx(expected, abs=1e-4)
    assert load_model(tmp_path / "head").forecast(test).log_prob == pytest.approx(expected, abs=1e-4)


def test_it_does_not_begin_with_a_model_of_another_split(panel: Panel, base_folder: Path, tmp_path: Path) -> None:
    """One that has seen workers who are held out now."""
    moved = {"train": "test", "test": "train"}
    other = replace(panel, records=panel.records.with_columns(pl.col("split").replace(moved)))
    Transition().fit(other).save(tmp_path / "begin")
    with pytest.raises(ModelError, match="fitted on another split"):
        TitleHead(base=str(base_folder), begin=str(tmp_path / "begin")).fit(panel)


def test_it_does_not_begin_with_a_model_that_sees_more_than_the_last_records(panel: Panel, base_folder: Path) -> None:
    """The frequencies that it begins with unless told otherwise see the entry before alone."""
    model = TitleHead(base=str(base_folder), template=Template(last_records=2))
    with pytest.raises(ModelError, match="sees all earlier records: leave out --begin or --last-records"):
        replace(model, begin="logit").fit(panel)
    assert model.fit(panel).fitted is not None


@given(st.data())
def test_scores_give_back_the_forecast(data: st.DataObject) -> None:
    """Also where a title has no probability, or all of it."""
    entries, records = data.draw(st.integers(2, 6)), data.draw(st.integers(1, 9))
    weights = st.lists(st.sampled_from([0.0, 1e-9, 0.3, 1.0, 7.0]), min_size=entries, max_size=entries).filter(any)
    probability = np.array([data.draw(weights) for _ in range(records)])
    probability /= probability.sum(axis=1, keepdims=True)
    column = np.array(data.draw(st.lists(st.integers(0, entries - 1), min_size=records, max_size=records)))
    first = np.array([True, *data.draw(st.lists(st.booleans(), min_size=records - 1, max_size=records - 1))])
    taxonomy = Taxonomy(
        "few", tuple(map(str, range(entries))), tuple(f"Title {k}" for k in range(entries)), ("all",) * entries
    )
    records_of = {"worker": first.cumsum().astype(str), "year": range(records), "occupation": column.astype(str)}
    before = np.where(first, FIRST, np.roll(column, 1))
    with np.errstate(divide="ignore"):
        log_prob = np.log(probability).astype(np.float32)
    forecast = Forecast(pl.DataFrame(records_of), taxonomy, log_prob, np.ones(records), "by hand")
    previous = torch.tensor(np.where(first, entries, before))
    found = two_stage_log_prob(torch.from_numpy(two_stage_scores(forecast, before)), previous).exp().numpy()
    np.testing.assert_allclose(found, probability, atol=2e-6)


def test_an_entry_never_held_is_scored_by_its_title(head: ClosedSetHead) -> None:
    """Of two entries alike but for their titles, the one whose title is that of a likely third is the likelier."""
    with torch.no_grad():
        head.titles[2] = head.titles[0]
        head.titles[3] = -head.titles[0]
        head.recall.weight.zero_()
        head.recall.bias.zero_()
        hidden = head.center + torch.linalg.pinv(head.meaning.weight) @ head.titles[0] * head.spread
        told = torch.tensor([[0.0, 0.0, -5.0, -5.0, 0.0]])
        known = Steps(torch.tensor([0]), torch.tensor([1]), torch.tensor([0]), told, torch.zeros(1, ENTRIES, MEMORIES))
        (log_prob,) = head(hidden[None], known)
    assert log_prob[2] > log_prob[3]
