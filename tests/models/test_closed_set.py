"""The head over the closed set of titles: its formula, and what it knows before it has learnt anything."""

from pathlib import Path

import numpy as np
import pytest
import torch

from laborllm.lm.recipe import HeadRecipe
from laborllm.models.closed_set import MEMORIES, ClosedSetHead, Steps, memories
from laborllm.models.title_head import TitleHead
from laborllm.models.transition import Transition
from laborllm.panel import Panel

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
    hidden, given = torch.randn(RECORDS, WIDTH, generator=generator), steps(generator)
    found = head(hidden, given).detach().numpy()
    for at in range(RECORDS):
        h = (hidden[at] - head.center) / head.spread / WIDTH**0.5
        j = int(given.previous[at])
        z = [
            given.told[at, k]
            + head.titles[k] @ head.meaning.weight @ h
            + given.held[at, k] @ (head.recall.weight @ h + head.recall.bias)
            for k in range(ENTRIES)
        ]
        stay = (
            torch.sigmoid(given.told[at, -1] + head.gate.weight[0] @ h + head.gate.bias[0]).item()
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


def test_it_begins_at_the_transition_frequencies(panel: Panel, base_folder: Path) -> None:
    """With a rate too small to learn anything."""
    test = panel.subset("test")
    begun = TitleHead(base=str(base_folder), recipe=HeadRecipe(learning_rate=1e-12)).fit(panel).forecast(test)
    assert begun.log_prob == pytest.approx(Transition().fit(panel).forecast(test).log_prob, abs=1e-4)


def test_an_entry_never_held_is_scored_by_its_title(head: ClosedSetHead) -> None:
    """Of two entries alike but for their titles, the one whose title is that of a likely third is the likelier."""
    with torch.no_grad():
        head.titles[2] = head.titles[0]
        head.titles[3] = -head.titles[0]
        head.recall.weight.zero_()
        head.recall.bias.zero_()
        hidden = head.center + torch.linalg.pinv(head.meaning.weight) @ head.titles[0] * head.spread
        told = torch.tensor([[0.0, 0.0, -5.0, -5.0, 0.0]])
        given = Steps(torch.tensor([0]), torch.tensor([1]), torch.tensor([0]), told, torch.zeros(1, ENTRIES, MEMORIES))
        (log_prob,) = head(hidden[None], given)
    assert log_prob[2] > log_prob[3]
