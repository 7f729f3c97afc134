"""Side by side with other tools: all read the same numbers off the same model."""

import json
import shutil
from pathlib import Path

import polars as pl
import pytest
import torch
from transformers import AutoTokenizer

from laborllm.bench.counting import counted
from laborllm.bench.rivals.prefix_cache import with_prefix_cache
from laborllm.bench.sample import draw_sample
from laborllm.bench.scoring import CLOSED, FORWARD, measure_scoring
from laborllm.cli.main import main
from laborllm.errors import ModelError
from laborllm.lm.base.load import load_base


@pytest.fixture(scope="module")
def base(base_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The tiny base model with room for 25 records."""
    folder = Path(shutil.copytree(base_folder, tmp_path_factory.mktemp("long") / "tiny"))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"max_position_embeddings": 4096}))
    ending = AutoTokenizer.from_pretrained(folder)
    ending.eos_token = "!"  # lm-eval wants one
    ending.save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def measured(base: str) -> pl.DataFrame:
    found, rate = measure_scoring(base, records=1, titles=3, rounds=1)
    assert rate > 0
    return found


def test_every_way_gives_the_numbers_of_naive_in_float64(measured: pl.DataFrame) -> None:
    pytest.importorskip("lm_eval")
    ours = {FORWARD, "realised", "tree", CLOSED, "pruned", "naive", "title-head", "title-head, 2 layers"}
    assert set(measured["method"]) == ours | {"prefix cache", "lm-eval"}
    assert measured["off_by"].max() == pytest.approx(0, abs=1e-4)
    assert (measured["off_by"].drop_nulls() > 0).all()  # float32 against float64
    assert measured.filter(pl.col("off_by").is_null())["method"].str.starts_with("title-head").all()
    assert (measured["seconds"] > 0).all()


def test_rates_are_of_whole_records(measured: pl.DataFrame) -> None:
    """What scores 3 of 334 titles does as many records a second as if it went on with the others."""
    rows = {row["method"]: row for row in measured.iter_rows(named=True)}
    for method, records in (("tree", 1), ("naive", 3 / 334), ("realised", 25), ("title-head", 25)):
        assert rows[method]["records_per_second"] * rows[method]["seconds"] == pytest.approx(records)
    assert rows["tree"]["tokens"] < rows["prefix cache"]["tokens"]
    assert rows["tree"]["titles"] == 334


def test_the_command_writes_what_it_measured(base: str, tmp_path: Path) -> None:
    out = tmp_path / "scoring"
    command = f"bench scoring --base {base} --records 1 --titles 2 --rounds 1 --out {out}"
    assert main(command.split()) == 0
    found = pl.read_parquet(out / "scoring.parquet")
    assert pl.read_csv(out / "scoring.csv")["method"].to_list() == found["method"].to_list()
    header, _, *rows = (out / "scoring.md").read_text().splitlines()
    assert [cell.strip() for cell in header.strip("|").split("|")] == found.columns
    assert [row.split("|")[1].strip() for row in rows] == found["method"].to_list()
    assert (out / "scoring.svg").read_text().startswith("<svg")


def test_operations_are_those_of_the_products(base: str) -> None:
    """The tiny model on 100 tokens: two for each weight and token, and for each pair of tokens in attention. Some
    releases of transformers make the angles of the positions by a product too, a small one."""
    model = load_base(base).model
    weights = 2 * (2 * 32 * 32 + 2 * 32 * 16 + 3 * 32 * 48) + model.config.vocab_size * 32
    attention = 2 * 2 * 100 * 100 * 32 * 2  # layers, scores and values, pairs, width
    with torch.inference_mode():
        count = counted(model, lambda: model(torch.arange(100)[None]))
    angles = 2 * 100 * 4  # half of a head's width
    assert count.flops in (2 * 100 * weights + attention, 2 * 100 * weights + attention + angles)
    assert count.tokens == 100


def test_memory_is_what_was_held_at_most(base: str) -> None:
    held = 64 * 1024**2
    count = counted(load_base(base).model, lambda: torch.ones(held // 4))
    if count.memory is None:
        pytest.skip("not known on this system")
    assert 0.95 * held < count.memory < 1.5 * held  # the kernel rounds


def test_batches_of_titles_do_not_change_them(base: str) -> None:
    """Padding and the order of batches leave no trace: each title alone gives the same."""
    loaded = load_base(base)
    sample = draw_sample(loaded.tokenizer, records=1, titles=1, seed=0)
    together = with_prefix_cache(loaded.model, sample.prompts, sample.titles)
    for column in (0, 100, 333):
        (alone,) = with_prefix_cache(loaded.model, sample.prompts, [sample.titles[column]])
        assert together[0, column] == pytest.approx(alone[0], abs=1e-4)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"records": 0}, "cannot score 0 of them"),
        ({"records": 26}, "a career has 25 records"),
        ({"titles": 335}, "there are 334 titles"),
        ({"rounds": 0}, "rounds must be at least 1"),
        ({"vllm": Path("/nowhere/python")}, "cannot run /nowhere/python"),
        ({"vllm": Path("/bin/false")}, "does it have vLLM?"),
    ],
)
def test_what_cannot_be_measured_is_refused(wrong: dict[str, object], message: str, base: str) -> None:
    with pytest.raises(ModelError, match=message):
        measure_scoring(base, **{"records": 1, "titles": 2, "rounds": 1} | wrong)  # type: ignore[arg-type]
