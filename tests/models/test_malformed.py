"""Run folders, forecast files and panel files that are not as laborllm writes them: one line, never a traceback."""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from safetensors.numpy import load_file, save_file

from laborllm.errors import LaborLLMError
from laborllm.lm.tuning.config import TuningConfig
from laborllm.models.counts.specs import Transition
from laborllm.models.forecasts.forecast import Forecast
from laborllm.models.language.specs import EmbeddingLogit, Likelihood, TitleHead
from laborllm.models.registry import load, load_forecaster
from laborllm.models.runs.run_folder import FILE
from laborllm.models.sequence.specs import Nemo
from laborllm.panel import Panel
from laborllm.storage import MARKER, file_hash

Change = Callable[[Path], None]

JUNK: list[Any] = [None, [], {}, "", "x" * 50, -1, 0, 1e300, True, ["a", 1], {"a": {}}, float("nan")]
WRONG_BYTES = [b"", b"\x00", b"{", b"null", b"[1]", b"\xff\xfe", b"{}" * 5, b"[" * 100_000]


def seal(run: Path) -> None:
    """Write the marker again, as someone who means harm would."""
    files = [file for file in run.rglob("*") if file.is_file() and file.name != MARKER]
    hashes = {file.relative_to(run).as_posix(): file_hash(file) for file in files}
    (run / MARKER).write_text(json.dumps({"sha256": hashes}))


def entry_paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every entry of nested JSON, down to the fourth level."""
    items = value.items() if isinstance(value, dict) else ()
    for key, below in items:
        yield (*path, key)
        if len(path) < 3:
            yield from entry_paths(below, (*path, key))


def variants(stated: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Each entry left out, or replaced by what it should not be."""
    for number, path in enumerate(entry_paths(stated)):
        for junk in ("leave out", JUNK[number % len(JUNK)], JUNK[(5 * number + 3) % len(JUNK)]):
            changed = json.loads(json.dumps(stated))
            inner = changed
            for key in path[:-1]:
                inner = inner[key]
            if junk == "leave out":
                del inner[path[-1]]
            else:
                inner[path[-1]] = junk
            yield changed


def outcome(use: Callable[[], object]) -> str:
    """ "well", or the one line that was said; anything but an error of ours goes through."""
    try:
        use()
    except LaborLLMError as error:
        return str(error) or "an empty line"
    return "well"


@pytest.fixture(scope="module")
def runs(panel: Panel, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("runs")
    small = Nemo(width=8, training=Nemo(width=8).training)
    for name, spec in (("transition", Transition()), ("nemo", small)):
        spec.fit(panel).save(folder / name)
    return sorted(folder.iterdir())


def test_every_entry_of_a_run_folder(runs: list[Path], panel: Panel, tmp_path: Path) -> None:
    tried = 0
    for run in runs:
        copy = tmp_path / run.name
        shutil.copytree(run, copy)
        for changed in variants(json.loads((run / FILE).read_text())):
            (copy / FILE).write_text(json.dumps(changed))
            seal(copy)
            outcome(lambda copy=copy: load(copy, held_out_by=panel).forecast(panel))  # type: ignore[misc]
            tried += 1
    assert tried > 100


@pytest.mark.parametrize("content", WRONG_BYTES, ids=range(len(WRONG_BYTES)))
def test_every_file_of_a_run_folder(content: bytes, runs: list[Path], panel: Panel, tmp_path: Path) -> None:
    for run in runs:
        for file in (file for file in run.rglob("*") if file.is_file()):
            copy = tmp_path / "run"
            shutil.copytree(run, copy)
            place = copy / file.relative_to(run)
            place.write_bytes(content)
            if file.name != MARKER:
                seal(copy)
            said = outcome(lambda copy=copy: load(copy).forecast(panel))  # type: ignore[misc]
            assert file.suffix in {".md", ".csv", ".json"} or file.name.startswith("events") or said != "well", file
            shutil.rmtree(copy)


def test_weights_of_other_shapes_or_names(runs: list[Path], panel: Panel, tmp_path: Path) -> None:
    for run in runs:
        for file in run.glob("*.safetensors"):
            tensors = load_file(file)
            for name in tensors:
                for changed in (
                    {key: value for key, value in tensors.items() if key != name},
                    tensors | {name: np.zeros((1, 1, 1), np.float32)},
                    tensors | {"another": np.zeros(3, np.float32)},
                ):
                    copy = tmp_path / "run"
                    shutil.copytree(run, copy)
                    save_file(changed, copy / file.name)
                    seal(copy)
                    outcome(lambda copy=copy: load(copy).forecast(panel))  # type: ignore[misc]
                    shutil.rmtree(copy)


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_weights_that_are_no_numbers(wrong: float, runs: list[Path], panel: Panel, tmp_path: Path) -> None:
    """A simulation would draw careers from them that look like any others."""
    for run in runs:
        (file,) = run.glob("*.safetensors")
        for name, numbers in load_file(file).items():
            changed = numbers.copy()
            changed.reshape(-1)[-1] = wrong
            with changed_weights(run, {name: changed}, tmp_path) as copy:
                assert f"numbers that are not finite, in {name}: " in outcome(lambda copy=copy: load(copy))  # type: ignore[misc]


@pytest.mark.parametrize("kind", [np.int64, np.bool_])
def test_weights_that_were_rounded(kind: type, runs: list[Path], panel: Panel, tmp_path: Path) -> None:
    for run in runs:
        (file,) = run.glob("*.safetensors")
        for name, numbers in load_file(file).items():
            with changed_weights(run, {name: numbers.astype(kind)}, tmp_path) as copy:
                assert f"numbers of type {np.dtype(kind)}, which no fit writes, in {name}" in outcome(
                    lambda copy=copy: load(copy)  # type: ignore[misc]
                )


@pytest.mark.parametrize("likelihood", ["multinomial", "two-stage"])
def test_a_logit_on_vectors_of_another_base_or_taxonomy(
    likelihood: Likelihood, panel: Panel, base_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was read, and failed in the middle of a forecast, or gave one of a single number for all occupations."""
    monkeypatch.setenv("LABORLLM_CACHE", str(tmp_path / "cache"))
    run = tmp_path / "run"
    EmbeddingLogit(str(base_folder), likelihood=likelihood).fit(panel).save(run)
    load(run)
    for name, numbers in load_file(run / "head.safetensors").items():
        others = [numbers[:-1], np.r_[numbers, numbers[:1]], numbers[..., None], numbers.reshape(-1)[0]]
        others += [numbers.astype(np.float16), numbers.astype(np.float64)]
        others += [np.zeros(numbers.shape, np.int64), np.zeros(numbers.shape, np.bool_)]
        for other in [*others, *([-numbers, 0 * numbers] if name == "deviation" else [])]:
            with changed_weights(run, {name: np.array(other)}, tmp_path) as copy:
                said = outcome(lambda copy=copy: load(copy))  # type: ignore[misc]
            assert f"holds no {likelihood} logit of the base model" in said or "which no fit writes" in said, name


def test_a_head_of_a_spread_that_no_fit_has(panel: Panel, base_folder: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    TitleHead(str(base_folder), training=TuningConfig(learning_rate=1e-2)).fit(panel).save(run)
    sound = load_file(run / "head.safetensors")
    for change in ({"spread": -sound["spread"]}, {"stay.bias": np.zeros(1, np.int64)}):
        save_file(sound | change, run / "head.safetensors")
        seal(run)
        assert "which no fit writes" in outcome(lambda: load(run))


@pytest.mark.parametrize(
    "change",
    [
        {"table": np.zeros},
        {"first": lambda shape: np.full(shape, 2.0)},
        {"triple": lambda shape: np.arange(*shape) - 1},
        {"triple": lambda shape: np.arange(*shape) + 10**6},
        {"triple": lambda shape: np.arange(*shape)[::-1].copy()},
        {"triple": lambda shape: np.arange(*shape) + 0.5},
        {"triple": lambda shape: np.arange(shape[0] - 1)},
        {"count": lambda shape: -np.ones(shape)},
        {"count": lambda shape: np.ones((*shape, 1))},
        {"strengths": np.zeros},
        {"strengths": lambda _: np.ones(1)},
    ],
)
def test_counts_that_no_fit_has(change: dict[str, Any], panel: Panel, tmp_path: Path) -> None:
    run = tmp_path / "second-order"
    Transition("second-order").fit(panel).save(run)
    ((name, make),) = change.items()
    numbers = make(load_file(run / "weights.safetensors")[name].shape)
    with changed_weights(run, {name: numbers}, tmp_path) as copy:
        said = outcome(lambda: load(copy))
    ours = ("no probabilities", "counts of triples that no fit of second-order has", "which no fit writes, in triple")
    assert any(text in said for text in ours)


def test_counts_of_another_variant(panel: Panel, tmp_path: Path) -> None:
    for variant in ("two-part", "second-order"):
        Transition(variant).fit(panel).save(tmp_path / variant)
    shutil.copy(tmp_path / "second-order" / "weights.safetensors", tmp_path / "two-part" / "weights.safetensors")
    seal(tmp_path / "two-part")
    assert "counts of triples that no fit of two-part has" in outcome(lambda: load(tmp_path / "two-part"))


@contextmanager
def changed_weights(run: Path, tensors: dict[str, Any], folder: Path) -> Iterator[Path]:
    """A copy of a run folder with other weights, and a marker that agrees with them."""
    copy = folder / "copy"
    shutil.copytree(run, copy)
    (file,) = copy.glob("*.safetensors")
    save_file(load_file(file) | tensors, file)
    seal(copy)
    yield copy
    shutil.rmtree(copy)


@pytest.mark.parametrize(
    ("entry", "value"),
    [
        *(("last_records", value) for value in ("", 0, ["a", 1], True)),
        *(
            ("workers", "9"),
            ("records", 1.5),
            ("seed", None),
            ("dataset", 3),
            ("held_out", ["a"]),
            ("few_validated", 0),
        ),
    ],
)
def test_entries_of_another_kind(entry: str, value: Any, runs: list[Path], tmp_path: Path) -> None:
    for run in runs:
        copy = tmp_path / run.name
        shutil.copytree(run, copy)
        stated = json.loads((copy / FILE).read_text())
        stated["record"][entry] = value
        (copy / FILE).write_text(json.dumps(stated))
        seal(copy)
        assert "was written by another version of laborllm" in outcome(lambda copy=copy: load(copy))  # type: ignore[misc]


def test_forecast_files(runs: list[Path], panel: Panel, tmp_path: Path) -> None:
    file, changed = tmp_path / "forecast.parquet", tmp_path / "changed.parquet"
    load(runs[0]).forecast(panel).save(file)
    frame = pl.read_parquet(file)
    about = {name: text for name, text in pl.read_parquet_metadata(file).items() if name.startswith("laborllm.")}
    for column in frame.columns:
        for other in (
            frame.drop(column),
            frame.with_columns(pl.lit(None).alias(column)),
            frame.with_columns(pl.lit("x").alias(column)),
            frame.with_columns(pl.lit(-7.5).alias(column)),
        ):
            other.write_parquet(changed, metadata=about)
            outcome(lambda: load_forecaster(changed).forecast(panel))
    for name in about:
        for junk in ("", "null", "[]", "{", '{"a": 1}', '"x"', "[[1]]", "[" * 100_000):
            frame.write_parquet(changed, metadata=about | {name: junk})
            outcome(lambda: load_forecaster(changed).forecast(panel))
    content = file.read_bytes()
    for size in (0, 3, 10, len(content) // 2, len(content) - 9):
        changed.write_bytes(content[:size])
        assert outcome(lambda: Forecast.load(changed)) != "well"


def test_panel_files(panel: Panel, tmp_path: Path) -> None:
    file, changed = tmp_path / "panel.parquet", tmp_path / "changed.parquet"
    panel.save(file)
    frame = pl.read_parquet(file)
    about = {name: text for name, text in pl.read_parquet_metadata(file).items() if name.startswith("laborllm.")}
    for column in frame.columns:
        for other in (
            frame.drop(column),
            frame.with_columns(pl.lit(None).alias(column)),
            frame.with_columns(pl.lit("x").alias(column)),
            frame.with_columns(pl.lit(-7.5).alias(column)),
            frame.with_columns(pl.lit([1]).alias(column)),
        ):
            other.write_parquet(changed, metadata=about)
            outcome(lambda: Panel.load(changed))
    for name in about:
        for junk in ("", "null", "[]", "{", '{"a": 1}', '"x"', "[[1]]", "[" * 100_000):
            frame.write_parquet(changed, metadata=about | {name: junk})
            outcome(lambda: Panel.load(changed))
    content = file.read_bytes()
    for size in (0, 3, 10, len(content) // 2, len(content) - 9):
        changed.write_bytes(content[:size])
        assert outcome(lambda: Panel.load(changed)) != "well"
