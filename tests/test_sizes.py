"""Files that are small and claim to be large stop at a stated size, before they fill the memory."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from laborllm.errors import InputError, LaborLLMError, PanelError, RunError, SourceError, StorageError
from laborllm.lm.tuning.config import TuningConfig
from laborllm.models.counts.specs import Transition
from laborllm.models.forecasts.forecast import Forecast
from laborllm.models.language.specs import LanguageModel
from laborllm.models.registry import load
from laborllm.models.runs.run_folder import FILE
from laborllm.models.sequence.specs import Career
from laborllm.panel import Panel
from laborllm.panel.parquet import read as parquet
from laborllm.sources import import_table
from laborllm.sources.formats import text
from laborllm.sources.nls.investigator.files import open_files
from laborllm.storage import MARKER
from models.folders import rewrite
from models.test_malformed import seal
from sources.test_fuzz import TABLES
from sources.test_table import MAPPING, ROWS


def write_panel(folder: Path, panel: Panel) -> Callable[[], object]:
    panel.save(folder / "file.parquet")
    return lambda: Panel.load(folder / "file.parquet")


def write_forecast(folder: Path, panel: Panel) -> Callable[[], object]:
    Transition().fit(panel).forecast(panel).save(folder / "file.parquet")
    return lambda: Forecast.load(folder / "file.parquet")


def write_table(folder: Path, panel: Panel) -> Callable[[], object]:
    mapping = MAPPING.replace("gender: sex", "gender: {column: sex, values: {1: male, 2: female}}")
    for name, content in (TABLES | {"own.yaml": mapping}).items():
        (folder / name).write_text(content)
    pl.DataFrame(ROWS).write_parquet(folder / "file.parquet")
    return lambda: import_table(folder / "file.parquet", folder / "own.yaml")


@pytest.mark.parametrize(
    ("write", "error"), [(write_panel, PanelError), (write_forecast, InputError), (write_table, SourceError)]
)
def test_a_parquet_file_that_fills_more_memory_than_is_allowed(
    write: Callable[[Path, Panel], Callable[[], object]],
    error: type[LaborLLMError],
    panel: Panel,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One byte is too many: the size, computed here from what the file holds, is the limit."""
    read = write(tmp_path, panel)
    frame = pl.read_parquet(tmp_path / "file.parquet")
    size = 0
    for column in frame:
        if column.dtype == pl.String:
            size += 16 * len(column) + sum(len(cell.encode()) for cell in column.drop_nulls())
        elif column.dtype == pl.Array:
            size += 4 * len(column) * column.dtype.size  # type: ignore[attr-defined]
        else:
            size += 8 * len(column)
    monkeypatch.setattr(parquet, "LARGEST", size)
    read()
    monkeypatch.setattr(parquet, "LARGEST", size - 1)
    with pytest.raises(error, match=rf"holds {len(frame):,} rows, which fill .* GiB of memory: files of more than"):
        read()


OTHERS = {
    "list": pl.Series([[1, 2, 3], [], None], dtype=pl.List(pl.Int64)),
    "list of lists": pl.Series([[[1, 2], [3]], [[4]], []], dtype=pl.List(pl.List(pl.Float32))),
    "struct": pl.Series([{"a": 1, "b": "x"}] * 3),
    "bytes": pl.Series([b"12345", b"", None]),
    "categories": pl.Series(["a" * 40, "a" * 40, "b"], dtype=pl.Categorical),
    "known categories": pl.Series(["abc", "abc", None], dtype=pl.Enum(["abc", "d"])),
}
SIZES = {
    "list": 8 * 5,  # an empty list takes the place of a value, and so does one that is missing
    "list of lists": 4 * 5,
    "struct": 3 * (16 + 16),
    "bytes": 3 * 16 + 5,
    "categories": 3 * 8 + 81,
    "known categories": 3 * 8 + 6,
}


@pytest.mark.parametrize("kind", OTHERS)
def test_a_cell_of_many_values_or_of_long_text(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "file.parquet"
    OTHERS[kind].alias("own").to_frame().write_parquet(file)
    monkeypatch.setattr(parquet, "LARGEST", SIZES[kind])
    assert parquet.read_whole(file, SourceError).height == 3
    monkeypatch.setattr(parquet, "LARGEST", SIZES[kind] - 1)
    with pytest.raises(SourceError, match="holds 3 rows, which fill"):
        parquet.read_whole(file, SourceError)


def test_the_files_of_an_archive_count_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "LARGEST_TEXT", 3_000)
    with zipfile.ZipFile(tmp_path / "own.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(5):
            archive.writestr(f"{number}.csv", "x" * 1_000)
    opened: list[str] = []
    with pytest.raises(SourceError, match=r"3\.csv inflates to more than"):
        opened.extend(file.name for file in open_files([tmp_path / "own.zip"]))
    assert opened == ["0.csv", "1.csv", "2.csv"]


def test_a_run_folder_with_a_text_that_no_fit_writes(panel: Panel, tmp_path: Path) -> None:
    """Files with holes, so that they take no room here."""
    Transition().fit(panel).save(tmp_path / "run")
    for name in (FILE, MARKER):
        file = tmp_path / "run" / name
        content = file.read_bytes()
        with file.open("ab") as whole:
            whole.truncate(300 * 2**20)
        with pytest.raises(StorageError, match=rf"{name} has 300 MiB: files of more than 256 MiB are not read"):
            load(tmp_path / "run")
        file.write_bytes(content)
    load(tmp_path / "run")


@pytest.mark.parametrize("option", [{"width": 2**20}, {"layers": 10**9}, {"width": 64}, {"layers": 2}])
def test_a_run_that_claims_a_network_of_another_size(option: dict[str, int], panel: Panel, tmp_path: Path) -> None:
    small = Career(layers=1, width=16, heads=2)
    small.fit(panel).save(tmp_path / "run")
    stated = json.loads((tmp_path / "run" / FILE).read_text())
    stated["options"] |= option
    rewrite(tmp_path / "run" / FILE, json.dumps(stated))
    with pytest.raises(RunError, match=r"does not hold the weights of the network that .*run\.json describes"):
        load(tmp_path / "run")


def test_an_adapter_that_claims_another_rank(panel: Panel, base_folder: Path, tmp_path: Path) -> None:
    LanguageModel(base=str(base_folder), training=TuningConfig(epochs=1)).fit(panel).save(tmp_path / "run")
    file = tmp_path / "run" / "adapter" / "adapter_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"r": 2**40}))
    seal(tmp_path / "run")
    with pytest.raises(RunError, match=r"its tensors are not of rank 1,?0"):
        load(tmp_path / "run")
