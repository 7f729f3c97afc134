"""A researcher with two specs of her own and a mixture of them: from options to an evaluation of all pairs."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import laborllm as ll
from cli.commands import laborllm

Capture = pytest.CaptureFixture[str]
BRIEF = replace(ll.Career().training, epochs=2, batch_size=32, learning_rate=0.01)


@pytest.fixture
def panel() -> ll.Panel:
    jobs = [(str(code), title, "All") for code, title in enumerate(("Cooks", "Nurses", "Welders", "Roofers"))]
    taxonomy = ll.Taxonomy.from_occupations("small", jobs).with_states(["unemployed"])
    made = ll.import_synthetic(workers=250, taxonomy=taxonomy, seed=3)
    made.save(Path("panel.parquet"))
    return made


def test_two_specs_a_mixture_and_all_pairs(panel: ll.Panel, capsys: Capture) -> None:
    specs: dict[str, Any] = {
        "small": ll.Career(width=8, layers=1, heads=1, training=BRIEF),
        "counts": ll.Transition("second-order"),
    }
    fitted = {name: ll.fit(spec, panel, seed=5, out=name) for name, spec in specs.items()}
    mixed = ll.fit(ll.Mixture((Path("small"), Path("counts"))), panel, out="mixed")
    models = {**fitted, "mixed": mixed}
    found = ll.evaluate(models, panel, pairs="all", by=["transition"], draws=100)
    capsys.readouterr()
    options = "--all-pairs --by transition --draws 100 --json"
    assert laborllm(f"evaluate small counts mixed panel.parquet {options}") == 0
    typed = json.loads(capsys.readouterr().out)
    assert typed["estimates"] == json.loads(found.to_json())["estimates"]
    assert {(row["model"], row["reference"]) for row in typed["comparisons"]} == {
        ("counts", "small"),
        ("mixed", "small"),
        ("mixed", "counts"),
    }
    test = panel.subset("test")
    weights = mixed.weights.weights  # type: ignore[attr-defined]
    parts = [np.exp(model.forecast(test).log_prob.astype(np.float64)) for model in fitted.values()]
    by_hand = sum(weight * part for weight, part in zip(weights, parts, strict=True))
    np.testing.assert_allclose(np.exp(mixed.forecast(test).log_prob), by_hand, rtol=1e-4)
    loss = -np.log(by_hand[np.arange(len(test)), test.taxonomy.columns(test.records["occupation"])])
    assert found.row("mixed", "perplexity")["estimate"] == pytest.approx(np.exp(loss.mean()), rel=1e-4)
    assert found.ranking[0] in models


def test_a_spec_written_in_a_file_is_the_spec_in_python(panel: ll.Panel) -> None:
    Path("small.yaml").write_text("width: 8\nlayers: 1\nheads: 1\nepochs: 2\nbatch-size: 32\nlearning-rate: 0.01\n")
    assert laborllm("fit career panel.parquet --config small.yaml --seed 5 --out typed") == 0
    spec = ll.Career(width=8, layers=1, heads=1, training=BRIEF)
    written = ll.fit(spec, panel, seed=5)
    read = ll.load("typed")
    assert read.spec == spec
    assert hash(read.spec) == hash(spec)
    np.testing.assert_array_equal(read.forecast(panel).log_prob, written.forecast(panel).log_prob)
    assert replace(spec, layers=2) != spec


def test_a_fit_repeats_bit_for_bit_and_another_seed_does_not(panel: ll.Panel) -> None:
    spec = ll.Career(width=8, layers=1, heads=1, training=BRIEF)
    one, again, other = (ll.fit(spec, panel, seed=seed).forecast(panel).log_prob for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, again)
    assert np.abs(one - other).max() > 1e-4


def test_a_forecast_from_elsewhere_is_evaluated_like_our_own(panel: ll.Panel, capsys: Capture) -> None:
    """Frequencies that pandas could count: of each occupation in split train, for everybody."""
    ll.fit("transition", panel, out="counts")
    train = panel.subset("train").records["occupation"]
    share = np.array([(train == code).sum() for code in panel.taxonomy.codes]) / len(train)
    records = panel.records.select("worker", "year", "occupation")
    log_prob = np.tile(np.log(share), (len(panel), 1)).astype(np.float32)
    ll.Forecast(records, panel.taxonomy, log_prob, np.ones(len(panel)), "shares").save(Path("shares.parquet"))
    assert (
        laborllm("evaluate counts shares.parquet panel.parquet --metrics perplexity auc_change --draws 50 --json") == 0
    )
    typed = pl.DataFrame(json.loads(capsys.readouterr().out)["estimates"], infer_schema_length=None)
    test = panel.subset("test").records["occupation"]
    entropy = -np.mean([np.log(share[panel.taxonomy.position[code]]) for code in test])
    row = typed.filter(model="shares", metric="perplexity", group="all")
    assert row["estimate"].item() == pytest.approx(np.exp(entropy), rel=1e-4)
    better = typed.filter(model="counts", metric="perplexity", group="all")["estimate"].item()
    assert better < row["estimate"].item()
