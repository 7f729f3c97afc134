"""Transition frequencies against counting by hand, and against the perplexities known for the NLSY panels."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from laborllm.errors import ModelError
from laborllm.models import transition as module
from laborllm.models.transition import FLOOR, Transition
from laborllm.occupations import Taxonomy
from laborllm.panel import Panel, Provenance
from laborllm.sources import import_table

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
EXAMPLES = Path(__file__).parents[2] / "examples"


def panel_of(careers: dict[str, tuple[str, str]]) -> Panel:
    """Careers as strings of codes, with their split."""
    rows = [
        {"worker": worker, "year": 2000 + step, "occupation": code, "split": split}
        for worker, (codes, split) in careers.items()
        for step, code in enumerate(codes)
    ]
    taxonomy = Taxonomy.from_entries("abc", [("a", "Actors", ""), ("b", "Bakers", ""), ("c", "Cooks", "")])
    return Panel(pl.DataFrame(rows), taxonomy, "ABC", Provenance("by hand"))


@pytest.fixture
def small() -> Panel:
    return panel_of({"1": ("aab", "train"), "2": ("abb", "train"), "3": ("cc", "train"), "4": ("abbc", "valid")})


def test_plain_frequencies_by_hand(small: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STRENGTHS", np.array([2.0]))
    fitted = Transition(variant="plain").fit(small)
    marginal = (np.array([3, 3, 2]) + FLOOR) / (8 + 3 * FLOOR)
    np.testing.assert_allclose(fitted.table[0], (np.array([1, 2, 0]) + 2 * marginal) / 5)
    np.testing.assert_allclose(fitted.first, (np.array([2, 0, 1]) + 2 * marginal) / 5)


def test_two_part_frequencies_by_hand(small: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STRENGTHS", np.array([2.0]))
    fitted = Transition().fit(small)
    stay = (1 + 2 * 3 / 5) / (3 + 2)  # from a: 1 stay of 3; of all: 3 of 5
    destination = np.array([0, 2 + FLOOR, FLOOR]) / (2 + 2 * FLOOR)  # both moves of the panel go to b
    move = (np.array([0, 2, 0]) + 2 * destination) / (2 + 2)
    np.testing.assert_allclose(fitted.table[0], stay * np.array([1, 0, 0]) + (1 - stay) * move)


def test_strength_is_the_best_on_validation(small: Panel) -> None:
    fitted = Transition(variant="plain").fit(small)
    validation = small.subset("valid")
    chosen = fitted.log_likelihood(validation)[1:].mean()  # the first record has a strength of its own
    for strength in module.STRENGTHS:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "STRENGTHS", np.array([strength]))
            assert Transition(variant="plain").fit(small).log_likelihood(validation)[1:].mean() <= chosen + 1e-6


def test_unknown_variant_is_refused() -> None:
    with pytest.raises(ModelError, match="use two-part or plain"):
        Transition(variant="three-part")  # type: ignore[arg-type]


@pytest.mark.skipif(not SHARED.is_dir(), reason="the NLSY panels are not beside the project")
@pytest.mark.parametrize(("name", "plain", "two_part"), [("nlsy97", 14.7, 13.8), ("nlsy79", 24.2, 23.7)])
def test_known_perplexities(name: str, plain: float, two_part: float) -> None:
    """A generic table elsewhere, on another split of the same rows, gave these; a lost or doubled row would show."""
    panel = import_table(SHARED / name / f"{name}.dta", EXAMPLES / f"{name}.yaml")
    for variant, expected in (("plain", plain), ("two-part", two_part)):
        fitted = Transition(variant=variant).fit(panel)  # type: ignore[arg-type]
        perplexity = np.exp(-fitted.log_likelihood(panel.subset("test")).mean())
        assert perplexity == pytest.approx(expected, rel=0.05)
