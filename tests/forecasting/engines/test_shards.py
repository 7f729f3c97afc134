"""A forecast in shards is the one in one piece, resumes where it stopped, and believes no shard that was changed."""

import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from laborllm.errors import StorageError
from laborllm.forecasting.engines.shards import MANIFEST, UNFINISHED
from laborllm.forecasting.engines.to_file import forecast_to_file
from laborllm.lm.scoring.options import ScoringOptions
from laborllm.models.counts.specs import Transition
from laborllm.models.forecasts.forecast import Floats, Forecast
from laborllm.panel import Panel
from laborllm.panel.files.store import PanelFile
from laborllm.storage import file_hash

RECORDS = 30


class Counting:
    """A fitted model that counts the records it forecasts, and may be interrupted."""

    def __init__(self, panel: Panel, shards: int | None = None) -> None:
        self.model = Transition().fit(panel)
        self.left = shards
        self.records = 0

    def forecast(self, panel: Panel, *, scoring: ScoringOptions | None = None) -> Forecast:
        if self.left == 0:
            raise KeyboardInterrupt
        self.left = None if self.left is None else self.left - 1
        self.records += len(panel)
        return self.model.forecast(panel)

    def log_likelihood(self, panel: Panel, *, scoring: ScoringOptions | None = None) -> Floats:
        return self.model.log_likelihood(panel)


def write(panel: Panel, path: Path, *, shards: int | None = None, identity: str = "one") -> int:
    """Forecast in shards; how many records were forecast."""
    model = Counting(panel, shards)
    forecast_to_file(model, panel, path, identity=identity, records=RECORDS)
    return model.records


@pytest.fixture
def whole(panel: Panel, tmp_path: Path) -> bytes:
    write(panel, tmp_path / "whole.parquet")
    return (tmp_path / "whole.parquet").read_bytes()


@pytest.fixture
def interrupted(panel: Panel, tmp_path: Path) -> Path:
    """A forecast that stopped after three shards."""
    with pytest.raises(KeyboardInterrupt):
        write(panel, tmp_path / "parts.parquet", shards=3)
    return tmp_path / "parts.parquet.shards"


def test_shards_are_the_forecast_in_one_piece(panel: Panel, tmp_path: Path) -> None:
    write(panel, tmp_path / "forecast.parquet")
    found, expected = Forecast.load(tmp_path / "forecast.parquet"), Transition().fit(panel).forecast(panel)
    assert found.records.equals(expected.records)
    np.testing.assert_array_equal(found.log_prob, expected.log_prob)
    assert (found.method, found.taxonomy) == (expected.method, expected.taxonomy)
    assert [file.name for file in tmp_path.iterdir()] == ["forecast.parquet"]


def test_a_file_gives_the_bytes_that_the_panel_gives(panel: Panel, whole: bytes, tmp_path: Path) -> None:
    panel.save(tmp_path / "panel.parquet")
    careers = PanelFile.open(tmp_path / "panel.parquet")
    forecast_to_file(Counting(panel), careers, tmp_path / "read.parquet", identity="one", records=RECORDS)
    assert (tmp_path / "read.parquet").read_bytes() == whole


def test_an_interrupted_forecast_resumes(panel: Panel, interrupted: Path, whole: bytes) -> None:
    ready = sum(len(Forecast.load(shard).records) for shard in interrupted.glob("*.parquet"))
    assert write(panel, interrupted.with_suffix("")) == len(panel) - ready
    assert interrupted.with_suffix("").read_bytes() == whole
    assert not interrupted.exists()


def _flip(file: Path, at: float) -> None:
    content = bytearray(file.read_bytes())
    content[int(at * (len(content) - 1))] ^= 1
    file.write_bytes(content)


def _swap(folder: Path) -> None:
    first, second = folder / "000000.parquet", folder / "000001.parquet"
    first.rename(folder / "aside")
    second.rename(first)
    (folder / "aside").rename(second)


def _swap_with_hashes(folder: Path) -> None:
    """Also in the manifest: then what the shards say of themselves gives them away."""
    _swap(folder)
    head, *lines = (folder / MANIFEST).read_text().splitlines()
    hashes = [json.loads(line) for line in lines]
    hashes[0]["number"], hashes[1]["number"] = 1, 0
    (folder / MANIFEST).write_text("\n".join([head, *map(json.dumps, hashes)]) + "\n")


def _cut_manifest(folder: Path) -> None:
    text = (folder / MANIFEST).read_text()
    (folder / MANIFEST).write_text(text[:-20])


def _add_line(folder: Path, line: str) -> None:
    with (folder / MANIFEST).open("a") as manifest:
        manifest.write(f"{line}\n")


def _leave(folder: Path, *names: str) -> None:
    for name in names:
        (folder / UNFINISHED).mkdir(exist_ok=True)
        (folder / UNFINISHED / name).write_bytes(b"PAR1")


CHANGES: dict[str, Callable[[Path], object]] = {
    **{f"flip at {at}": lambda folder, at=at: _flip(folder / "000001.parquet", at) for at in (0.0, 0.1, 0.5, 0.9, 1.0)},  # type: ignore[misc]
    "swapped": _swap,
    "swapped with hashes": _swap_with_hashes,
    "copied": lambda folder: shutil.copy(folder / "000000.parquet", folder / "000001.parquet"),
    "torn shard": lambda folder: (folder / "000002.parquet").write_bytes(b"PAR1"),
    "missing shard": lambda folder: (folder / "000001.parquet").unlink(),
    "torn manifest": _cut_manifest,
    **{
        f"line {line[:20]}": lambda folder, line=line: _add_line(folder, line)  # type: ignore[misc]
        for line in ("[" * 100_000, '{"number": 1e999, "sha256": ""}', '{"number": -1, "sha256": 3}', "null", '"x"')
    },
    "left by a kill": lambda folder: _leave(folder, "000003.77.parquet", ".000004.77.parquet.77.partial"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_was_changed_is_computed_again(
    change: Callable[[Path], object], panel: Panel, interrupted: Path, whole: bytes
) -> None:
    change(interrupted)
    write(panel, interrupted.with_suffix(""))
    assert interrupted.with_suffix("").read_bytes() == whole
    assert not interrupted.exists()


def test_a_shard_of_another_forecast_is_not_believed(
    panel: Panel, interrupted: Path, whole: bytes, tmp_path: Path
) -> None:
    """Not even with its hash in the manifest."""
    with pytest.raises(KeyboardInterrupt):
        write(panel, tmp_path / "other.parquet", shards=3, identity="two")
    other = tmp_path / "other.parquet.shards"
    head = (interrupted / MANIFEST).read_text().splitlines()[0]
    lines = (other / MANIFEST).read_text().splitlines()[1:]
    (interrupted / MANIFEST).write_text("\n".join([head, *lines]) + "\n")
    shutil.copy(other / "000001.parquet", interrupted)
    assert write(panel, interrupted.with_suffix("")) == len(panel)
    assert interrupted.with_suffix("").read_bytes() == whole


def test_a_shard_costs_the_same_however_many_are_there(
    panel: Panel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder of all shards is listed once, and not for every shard."""
    listed: list[str] = []
    iterdir = Path.iterdir

    def noted(folder: Path) -> Iterator[Path]:
        listed.append(folder.name)
        return iterdir(folder)

    monkeypatch.setattr(Path, "iterdir", noted)
    write(panel, tmp_path / "forecast.parquet")
    counts = Counter(listed)
    assert counts[UNFINISHED] > counts["forecast.parquet.shards"]
    assert counts["forecast.parquet.shards"] <= 3


def test_a_shard_that_is_none_is_not_believed(panel: Panel, interrupted: Path, whole: bytes) -> None:
    """Not even with its hash in the manifest."""
    head, _, *others = (interrupted / MANIFEST).read_text().splitlines()
    (interrupted / "000000.parquet").write_text("no Parquet")
    line = json.dumps({"number": 0, "sha256": file_hash(interrupted / "000000.parquet")})
    (interrupted / MANIFEST).write_text("\n".join([head, line, *others]) + "\n")
    write(panel, interrupted.with_suffix(""))
    assert interrupted.with_suffix("").read_bytes() == whole


def test_a_folder_elsewhere_stays(panel: Panel, interrupted: Path, whole: bytes, tmp_path: Path) -> None:
    interrupted.rename(tmp_path / "elsewhere")
    interrupted.symlink_to(tmp_path / "elsewhere")
    write(panel, interrupted.with_suffix(""))
    assert interrupted.with_suffix("").read_bytes() == whole
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize("place", [0.05, 0.2])
def test_a_manifest_whose_head_was_changed_is_refused(place: float, panel: Panel, interrupted: Path) -> None:
    _flip(interrupted / MANIFEST, place)
    with pytest.raises(StorageError, match="remove it, or write to another place"):
        write(panel, interrupted.with_suffix(""))


def test_another_model_or_panel_is_refused(panel: Panel, interrupted: Path) -> None:
    path = interrupted.with_suffix("")
    with pytest.raises(StorageError, match="holds parts of another result"):
        write(panel, path, identity="two")
    with pytest.raises(StorageError, match="holds parts of another result"):
        write(panel.sample(50, seed=0), path)
    assert len(list(interrupted.glob("*.parquet"))) == 3


def test_foreign_files_are_never_removed(panel: Panel, interrupted: Path, whole: bytes, tmp_path: Path) -> None:
    mine = {"notes.txt", ".0notes.parquet.old.partial", "999999.parquet"}
    for name in mine:
        (interrupted / name).write_text("mine")
    _leave(interrupted, "000003.77.parquet", "thesis.parquet")
    write(panel, interrupted.with_suffix(""))
    assert interrupted.with_suffix("").read_bytes() == whole
    assert {file.name for file in interrupted.iterdir()} == mine | {UNFINISHED}
    assert [file.name for file in (interrupted / UNFINISHED).iterdir()] == ["thesis.parquet"]
    (tmp_path / "own.parquet.shards").mkdir()
    (tmp_path / "own.parquet.shards" / "thesis.parquet").write_text("mine")
    with pytest.raises(StorageError, match="holds no manifest that can be read: remove it, or write to another place"):
        write(panel, tmp_path / "own.parquet")
    assert (tmp_path / "own.parquet.shards" / "thesis.parquet").read_text() == "mine"
