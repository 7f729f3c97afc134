"""Laws of attacks and of their measures, for any scores; the tail of the loss and halves of people by plain counts."""

from math import exp, log2

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logit as scipy_logit  # type: ignore[import-untyped]
from scipy.stats import binom, mannwhitneyu, norm  # type: ignore[import-untyped]

import laborllm as ll
from laborllm.auditing.attacks import calibrated, lira, lira_offline, lira_shared, logit, rmia
from laborllm.auditing.canaries import epsilon_of, measure_canaries
from laborllm.auditing.measures import Scored, measure
from laborllm.auditing.refits import halves
from laborllm.auditing.tail import HARDEST, tail_of
from laborllm.models.counts.specs import Transition
from laborllm.panel import Panel

MANY = settings(max_examples=40)
SEEDS = st.integers(0, 100_000)


def units(seed: int, n: int = 12, refits: int = 6) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """x, refits and trained: units each of which half of the refits, in pairs, were trained on."""
    generator = np.random.default_rng(seed)
    trained = np.zeros((refits, n), dtype=bool)
    trained[::2] = generator.random((refits // 2, n)) < 0.5
    trained[1::2] = ~trained[::2]
    return generator.normal(-2, 1, n), generator.normal(-2, 1, (refits, n)) + 0.5 * trained, trained


def spread(values: np.ndarray, among: np.ndarray) -> tuple[list[float], float]:
    """Means by unit, and the pooled deviation, in loops."""
    means, squares, degrees = [], 0.0, 0
    for unit in range(values.shape[1]):
        own = [values[at, unit] for at in range(len(values)) if among[at, unit]]
        means.append(sum(own) / len(own))
        squares += sum((value - means[-1]) ** 2 for value in own)
        degrees += len(own) - 1
    return means, (squares / degrees) ** 0.5


@MANY
@given(SEEDS)
def test_lira_is_a_ratio_of_normal_densities(seed: int) -> None:
    x, refits, trained = units(seed)
    (inside, of_inside), (outside, of_outside) = spread(refits, trained), spread(refits, ~trained)
    expected = norm.logpdf(x, inside, of_inside) - norm.logpdf(x, outside, of_outside)
    assert lira(x, refits, trained).tolist() == pytest.approx(expected.tolist())


@MANY
@given(SEEDS)
def test_offline_lira_is_a_z_score_of_refits_without_the_unit(seed: int) -> None:
    x, refits, trained = units(seed)
    outside, deviation = spread(refits, ~trained)
    expected = [(at - mean) / deviation for at, mean in zip(x, outside, strict=True)]
    assert lira_offline(x, refits, trained).tolist() == pytest.approx(expected)
    probability = norm.cdf(x, outside, deviation)
    assert (np.argsort(probability) == np.argsort(lira_offline(x, refits, trained))).all()


@MANY
@given(SEEDS)
def test_lira_with_one_gain_is_the_distance_from_the_middle(seed: int) -> None:
    x, refits, trained = units(seed)
    (inside, _), (outside, _) = spread(refits, trained), spread(refits, ~trained)
    gain = sum(a - b for a, b in zip(inside, outside, strict=True))
    expected = [(at - (a + b) / 2) * (1 if gain > 0 else -1) for at, a, b in zip(x, inside, outside, strict=True)]
    assert lira_shared(x, refits, trained).tolist() == pytest.approx(expected)


@MANY
@given(SEEDS, st.floats(-5, 5))
def test_units_that_are_all_easier_are_no_more_suspect(seed: int, shift: float) -> None:
    """A constant added to every likelihood changes no score."""
    x, refits, trained = units(seed)
    population = np.arange(len(x)) < 6
    for attack in (lira, lira_offline, lira_shared):
        one, other = attack(x, refits, trained), attack(x + shift, refits + shift, trained)
        np.testing.assert_allclose(one, other, atol=1e-6)
    np.testing.assert_allclose(calibrated(x, refits[0]), calibrated(x + shift, refits[0] + shift), atol=1e-9)
    one, other = rmia(x, refits, population, ratio=1.3), rmia(x + shift, refits + shift, population, ratio=1.3)
    np.testing.assert_allclose(one, other, atol=1e-12)


@MANY
@given(SEEDS)
def test_a_unit_that_gains_ranks_no_lower(seed: int) -> None:
    x, refits, trained = units(seed)
    population = np.arange(len(x)) < 6
    more = x.copy()
    more[-1] += 1
    assert rmia(more, refits, population)[-1] >= rmia(x, refits, population)[-1]
    assert lira_offline(more, refits, trained)[-1] > lira_offline(x, refits, trained)[-1]
    assert rmia(x, refits, population, ratio=2.0).max() <= rmia(x, refits, population, ratio=1.0).max()


@given(st.lists(st.floats(0.001, 0.999), min_size=1, max_size=10))
def test_logit_is_that_of_scipy(probability: list[float]) -> None:
    assert logit(np.log(probability)).tolist() == pytest.approx(scipy_logit(probability).tolist(), abs=1e-6)


@MANY
@given(SEEDS, st.booleans())
def test_the_area_is_the_statistic_of_mann_and_whitney(seed: int, ties: bool) -> None:
    generator = np.random.default_rng(seed)
    member = np.arange(60) % 3 == 0
    score = generator.normal(size=60) + 0.4 * member
    score = score.round() if ties else score
    found = measure(Scored(score, member, np.arange(60)), draws=20, seed=0)
    expected = mannwhitneyu(score[member], score[~member]).statistic / (member.sum() * (~member).sum())
    area = found.row(0, named=True)
    assert area["estimate"] == pytest.approx(expected)
    assert (found["low"] <= found["high"]).all()
    turned = measure(Scored(-score, member, np.arange(60)), draws=2, seed=0).row(0, named=True)
    assert area["estimate"] + turned["estimate"] == pytest.approx(1)


@MANY
@given(SEEDS)
def test_only_the_order_of_scores_counts(seed: int) -> None:
    generator = np.random.default_rng(seed)
    member, person = generator.random(80) < 0.5, np.arange(80) // 2
    member[:2] = True, False
    score = generator.normal(size=80)
    one, other = (measure(Scored(each, member, person), draws=10, seed=3) for each in (score, np.exp(score) * 7))
    assert one.equals(other)
    order = generator.permutation(80)
    again = measure(Scored(score[order], member[order], person[order]), draws=10, seed=3)
    for name in ("estimate", "low", "high"):
        np.testing.assert_allclose(again[name], one[name], atol=1e-12)


@MANY
@given(SEEDS)
def test_members_on_top_are_all_found_and_at_the_bottom_none(seed: int) -> None:
    generator = np.random.default_rng(seed)
    member = generator.random(200) < 0.5
    score = generator.random(200)
    for sign, found in ((1, [1.0, 1.0, 1.0, 1.0]), (-1, [0.0, 0.0, 0.0, 0.0])):
        table = measure(Scored(score + sign * 2 * member, member, np.arange(200)), draws=2, seed=0)
        assert table["estimate"].to_list() == pytest.approx(found)


@given(st.integers(1, 60), st.data())
def test_epsilon_is_where_so_many_right_guesses_are_one_in_twenty(guesses: int, data: st.DataObject) -> None:
    right = data.draw(st.integers(0, guesses))
    epsilon = epsilon_of(right, guesses)
    tail = binom.sf(right - 1, guesses, exp(epsilon) / (1 + exp(epsilon)))
    if epsilon > 0:
        assert tail == pytest.approx(0.05, abs=1e-6)
        assert epsilon_of(right - 1, guesses) < epsilon
    else:
        assert tail >= 0.05 - 1e-9


@MANY
@given(SEEDS)
def test_exposure_is_by_ranks_among_the_others(seed: int) -> None:
    generator = np.random.default_rng(seed)
    score, inserted = generator.normal(size=40), generator.permutation(np.arange(40) < 17)
    found = measure_canaries(score, inserted)
    exposure = []
    for at in np.flatnonzero(inserted):
        rank = 1 + sum(score[other] >= score[at] for other in np.flatnonzero(~inserted))
        exposure.append(log2(24) - log2(rank))
    assert found.exposure == pytest.approx(np.mean(exposure))
    assert 0 <= found.exposure <= found.most == log2(24)
    by_score = sorted(range(40), key=lambda at: score[at])
    right = sum(inserted[at] for at in by_score[-10:]) + sum(not inserted[at] for at in by_score[:10])
    assert (found.guesses, found.right) == (20, right)


@pytest.fixture(scope="module")
def careers() -> Panel:
    return ll.import_synthetic(workers=250)


def test_halves_are_of_people_and_leave_split_valid_out(careers: Panel) -> None:
    records, found = careers.records, list(halves(careers, 6, seed=4))
    drawn = set(records.filter(records["split"] != "valid")["worker"])
    for one, other in zip(found[::2], found[1::2], strict=True):
        first, second = (set(records.filter(mask)["worker"]) for mask in (one, other))
        assert not first & second
        assert first | second == drawn
        assert len(first) == len(drawn) // 2
        assert not (one & other).any()
        assert ((one | other) == (records["split"] != "valid").to_numpy()).all()
    assert len({mask.tobytes() for mask in found}) == 6
    again = list(halves(careers, 6, seed=4))
    assert all((one == other).all() for one, other in zip(found, again, strict=True))


def test_the_tail_counts_the_hardest_careers(careers: Panel) -> None:
    """Fewer workers than are drawn, so that none is left out: the shares by a loop over careers."""
    small = careers.part(careers.records.filter(careers.records["worker"].is_in(names(careers, 150).implode())))
    model = Transition().fit(small)
    found = tail_of(model, small)
    assert found is not None
    losses: dict[str, list[float]] = {}
    for split in ("train", "valid"):
        part = small.subset(split).observed()
        of_worker: dict[str, list[float]] = {}
        for worker, value in zip(part.records["worker"], model.log_likelihood(part), strict=True):
            of_worker.setdefault(worker, []).append(-float(value))
        losses[split] = [sum(each) / len(each) for each in of_worker.values()]
    high = np.quantile(losses["train"], 1 - HARDEST)
    assert (found.trained, found.others) == (len(losses["train"]), len(losses["valid"]))
    assert found.among_trained == pytest.approx(np.mean([loss > high for loss in losses["train"]]))
    assert found.among_others == pytest.approx(np.mean([loss > high for loss in losses["valid"]]))
    assert f"{found.trained:,} careers that it was trained on" in str(found)


def test_a_tail_of_nine_people_is_not_told(careers: Panel) -> None:
    few = careers.records.filter(split="valid")["worker"].unique(maintain_order=True).head(9).implode()
    kept = careers.records.filter((careers.records["split"] != "valid") | careers.records["worker"].is_in(few))
    small = careers.part(kept)
    assert tail_of(Transition().fit(small), small) is None


def names(panel: Panel, count: int) -> pl.Series:
    return panel.records["worker"].unique(maintain_order=True).head(count)
