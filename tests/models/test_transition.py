"""Transition frequencies against counting by hand, and against the perplexities known for the NLSY panels."""

from collections import Counter
from pathlib import Path
from typing import get_args

import numpy as np
import polars as pl
import pytest

from laborllm.errors import OptionError
from laborllm.models.counts import shrinkage
from laborllm.models.counts.counted import FLOOR
from laborllm.models.counts.specs import Transition, Variant
from laborllm.models.forecasts.forecast import Floats
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
    taxonomy = Taxonomy.from_occupations("abc", [("a", "Actors", ""), ("b", "Bakers", ""), ("c", "Cooks", "")])
    return Panel(pl.DataFrame(rows), taxonomy, "ABC", Provenance("by hand"))


@pytest.fixture
def small() -> Panel:
    return panel_of({"1": ("aab", "train"), "2": ("abb", "train"), "3": ("cc", "train"), "4": ("abbc", "valid")})


def test_plain_frequencies_by_hand(small: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shrinkage, "STRENGTHS", np.array([2.0]))
    fitted = Transition(variant="plain").fit(small)
    marginal = (np.array([3, 3, 2]) + FLOOR) / (8 + 3 * FLOOR)
    np.testing.assert_allclose(fitted.table[0], (np.array([1, 2, 0]) + 2 * marginal) / 5)
    np.testing.assert_allclose(fitted.first, (np.array([2, 0, 1]) + 2 * marginal) / 5)


def test_two_part_frequencies_by_hand(small: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shrinkage, "STRENGTHS", np.array([2.0]))
    fitted = Transition().fit(small)
    stay = (1 + 2 * 3 / 5) / (3 + 2)  # from a: 1 stay of 3; of all: 3 of 5
    destination = np.array([0, 2 + FLOOR, FLOOR]) / (2 + 2 * FLOOR)  # both moves of the panel go to b
    move = (np.array([0, 2, 0]) + 2 * destination) / (2 + 2)
    np.testing.assert_allclose(fitted.table[0], stay * np.array([1, 0, 0]) + (1 - stay) * move)


def test_second_order_by_hand(panel: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every record of the test split by the formula, from counts of triples in training careers."""
    monkeypatch.setattr(shrinkage, "STRENGTHS", np.array([2.0]))
    fitted = Transition(variant="second-order").fit(panel)
    counts = Counter(triple for career in columns(panel.subset("train")) for triple in triples(career))
    test = panel.subset("test")
    expected = [
        fitted.first if len(past) == 0 else second_order(counts, fitted.table, past)
        for career in columns(test)
        for past in (career[:end] for end in range(len(career)))
    ]
    np.testing.assert_allclose(np.exp(fitted.forecast(test).log_prob), expected, rtol=1e-5)


def columns(panel: Panel) -> list[list[int]]:
    careers = panel.records.group_by("worker", maintain_order=True).agg("occupation")
    return [panel.taxonomy.columns(codes).tolist() for codes in careers["occupation"]]


def triples(career: list[int]) -> list[tuple[int, int, int]]:
    return list(zip([-1, *career], career, career[1:], strict=False))


def second_order(counts: Counter[tuple[int, int, int]], table: Floats, past: list[int]) -> Floats:
    before, last = [-1, *past][-2:]
    followed = np.array([counts[before, last, occupation] for occupation in range(len(table))], dtype=float)
    stay = (followed[last] + 2 * table[last, last]) / (followed.sum() + 2)
    followed[last] = 0
    moves = (followed + 2 * table[last] / (1 - table[last, last])) / (followed.sum() + 2)
    probability = (1 - stay) * moves
    probability[last] = stay
    return np.asarray(probability)


def test_strength_is_the_best_on_validation(small: Panel) -> None:
    fitted = Transition(variant="plain").fit(small)
    validation = small.subset("valid")
    chosen = fitted.log_likelihood(validation)[1:].mean()  # the first record has a strength of its own
    for strength in shrinkage.STRENGTHS:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(shrinkage, "STRENGTHS", np.array([strength]))
            assert Transition(variant="plain").fit(small).log_likelihood(validation)[1:].mean() <= chosen + 1e-6


@pytest.mark.parametrize("codes", ["abcabc", "aaaaaa", "a"], ids=["nobody stays", "nobody moves", "one record"])
@pytest.mark.parametrize("thinned", [False, True])
@pytest.mark.parametrize("variant", get_args(Variant))
def test_nothing_is_impossible(variant: Variant, codes: str, thinned: bool) -> None:
    fitted = Transition(variant, thinned=thinned).fit(panel_of({"1": (codes, "train"), "2": ("ab", "valid")}))
    with np.errstate(all="raise"):
        log_prob = fitted.forecast(panel_of({"3": ("aabbcca", "test")})).log_prob
    assert np.isfinite(log_prob).all()


def test_unknown_variant_is_refused() -> None:
    with pytest.raises(OptionError, match="use two-part, plain, second-order"):
        Transition(variant="three-part")  # type: ignore[arg-type]


@pytest.mark.skipif(not SHARED.is_dir(), reason="the NLSY panels are not next to the project")
@pytest.mark.parametrize(
    ("name", "variant", "expected"),
    [("nlsy97", "plain", 14.7), ("nlsy97", "two-part", 13.8), ("nlsy79", "two-part", 23.6)],
)
def test_known_perplexities(name: str, variant: Variant, expected: float) -> None:
    """A generic table elsewhere, on another split of the same rows, gave these; a lost or doubled row would show."""
    panel = import_table(SHARED / name / f"{name}.dta", EXAMPLES / f"{name}.yaml", split_by="worker")
    fitted = Transition(variant).fit(panel)
    perplexity = np.exp(-fitted.log_likelihood(panel.subset("test")).mean())
    assert perplexity == pytest.approx(expected, rel=0.05)
