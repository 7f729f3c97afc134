"""Thinned transition frequencies: nothing in them rests on fewer than ten workers, and no such count follows."""

import json
from pathlib import Path

import numpy as np
import pytest

import laborllm as ll
from laborllm.models.counts.counted import Counted
from laborllm.models.counts.specs import Transition
from laborllm.panel import Panel
from laborllm.panel.history import History
from laborllm.panel.order import worker_index
from laborllm.privacy.outputs import FILE
from privacy.attack import Cell, Publication


@pytest.fixture(scope="module")
def panel() -> Panel:
    return ll.import_synthetic(workers=200, taxonomy="nlswork")


def counted(panel: Panel) -> tuple[History, np.ndarray, Counted, Counted]:
    """Histories, workers, exact and thinned counts of split train."""
    train = panel.subset("train").observed()
    seen, worker, size = History.of(train), worker_index(train.records), len(panel.taxonomy)
    return seen, worker, Counted.exactly(seen, size), Counted.thinned(seen, worker, size)


def test_cells_of_ten_workers_are_exact_and_the_rest_is_spread(panel: Panel) -> None:
    seen, worker, exact, thin = counted(panel)
    kept = 0
    for origin, code in np.argwhere(exact.pairs > 0):
        carriers = len(set(worker[(seen.previous == origin) & (seen.occupation == code)]))
        if thin.pairs[origin, code] == exact.pairs[origin, code]:
            assert carriers >= 10
            kept += 1
    assert kept >= 10
    for origin, row in enumerate(thin.pairs):
        carriers = len(set(worker[seen.previous == origin]))
        assert row.sum() == pytest.approx(exact.pairs[origin].sum() if carriers >= 10 else 0)
    assert (thin.pairs >= 0).all()
    shown = np.isclose(thin.occupations % 5, 0)
    assert len(set(thin.occupations[~shown])) <= 1  # the rest are alike


def test_no_small_cell_follows_from_the_tables(panel: Panel) -> None:
    """Rows of ten workers or more have a known total; the attacker knows which cells of them are exact."""
    seen, worker, exact, thin = counted(panel)
    later = ~seen.is_first
    origin, code = seen.previous[later].tolist(), seen.occupation[later].tolist()
    pairs = list(zip(origin, code, strict=True))
    shown: set[Cell] = {("origin", at) for at in set(origin) if thin.pairs[at].sum() > 0}
    shown |= {("pair", pair) for pair in set(pairs) if thin.pairs[pair] == exact.pairs[pair]}
    published = Publication({"origin": list(origin), "pair": list(pairs)}, worker[later].tolist(), shown)
    assert published.recovered() == set()


def test_a_triple_is_counted_where_ten_workers_have_it(panel: Panel) -> None:
    seen, worker, _, thin = counted(panel)
    found = list(zip(thin.steps.before, thin.steps.previous, thin.steps.current, strict=True))
    every = list(zip(seen.before_previous, seen.previous, seen.occupation, strict=True))
    assert found
    for triple in set(found):
        assert len({name for name, other in zip(worker, every, strict=True) if other == triple}) >= 10
        assert found.count(triple) == every.count(triple)


@pytest.mark.parametrize("variant", ["plain", "two-part", "second-order"])
def test_a_thinned_model_forecasts_and_says_that_it_may_be_published(
    variant: str, panel: Panel, tmp_path: Path
) -> None:
    models = [Transition(variant, thinned=thinned).fit(panel) for thinned in (False, True)]  # type: ignore[arg-type]
    test = panel.subset("test").observed()
    exact, thinned = (float(model.log_likelihood(test).mean()) for model in models)
    assert np.isfinite(thinned)
    assert abs(exact - thinned) < 0.5
    np.testing.assert_allclose(models[1].table.sum(axis=1), 1)
    for model, status in zip(models, ("fail", "pass"), strict=True):
        folder = tmp_path / status
        model.save(folder)
        listed = json.loads((folder / FILE).read_text())["files"]
        assert [each["status"] for each in listed["weights.safetensors"]] == [status]
        assert {each["status"] for each in listed["README.md"]} == {"pass"}
        assert ll.load(folder).spec == model.spec
