"""A panel read from its file some careers at a time is the panel that is loaded whole, and each row is checked once."""

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from laborllm.errors import PanelError
from laborllm.occupations import load_taxonomy
from laborllm.panel import Panel
from laborllm.panel.files import store
from laborllm.panel.files.store import PanelFile
from laborllm.panel.schema import check
from laborllm.sources.synthetic import import_synthetic


@pytest.fixture(scope="module")
def panel() -> Panel:
    made = import_synthetic(60, load_taxonomy("occ1990dd"), seed=0)
    return replace(made, records=made.records.with_columns(household=pl.col("worker").rank("dense") // 2))


@pytest.fixture(scope="module")
def file(panel: Panel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("store") / "panel.parquet"
    panel.save(path)
    return path


@settings(max_examples=25)
@given(records=st.integers(1, 700), block=st.integers(1, 900))
def test_portions_are_those_of_the_whole_panel(panel: Panel, file: Path, records: int, block: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "ROWS_TOGETHER", block)
        read = list(PanelFile.open(file).portions(records))
    whole = list(panel.portions(records))
    assert [part.records.rows() for part in read] == [part.records.rows() for part in whole]
    assert pl.concat([part.records for part in whole]).equals(panel.records)
    assert all(len(part) >= records for part in whole[:-1])
    for part in whole:
        careers = part.records.group_by("worker", maintain_order=True).len()["len"].to_list()
        assert len(part) - careers[-1] < records
    assert (read[0].taxonomy, read[0].provenance, read[0].columns) == (panel.taxonomy, panel.provenance, ("household",))


@pytest.mark.parametrize(("split", "workers"), [(None, None), ("test", None), (None, 7), ("train", 5), ("valid", 999)])
def test_a_selection_is_what_is_drawn_from_the_whole_panel(
    split: str | None, workers: int | None, panel: Panel, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "ROWS_TOGETHER", 50)
    drawn, read = panel.draw(split, workers, seed=3), PanelFile.open(file).select(split, workers, seed=3)
    assert (len(read), read.fingerprint) == (len(drawn), drawn.fingerprint)
    assert pl.concat([part.records for part in read.portions(40)]).equals(drawn.records)


def test_what_cannot_be_selected_is_refused(file: Path, tmp_path: Path) -> None:
    with pytest.raises(PanelError, match="unknown split 'dev'"):
        PanelFile.open(file).select("dev")
    with pytest.raises(PanelError, match="cannot draw 0 workers"):
        PanelFile.open(file).select(workers=0)
    PanelFile.open(file)
    Panel.load(file).subset("train").save(tmp_path / "train.parquet")
    with pytest.raises(PanelError, match="no worker of the panel is in split test"):
        PanelFile.open(tmp_path / "train.parquet").select("test")
    with pytest.raises(PanelError, match="no panel file at"):
        PanelFile.open(tmp_path / "nowhere.parquet")


def _rewritten(file: Path, path: Path, rows: pl.DataFrame) -> PanelFile:
    about = {name: text for name, text in pl.read_parquet_metadata(file).items() if name.startswith("laborllm.")}
    rows.write_parquet(path, metadata=about)
    return PanelFile.open(path)


def test_rows_that_were_changed_are_refused(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "ROWS_TOGETHER", 100)
    rows = pl.read_parquet(file)
    last = _rewritten(file, tmp_path / "code.parquet", rows.with_columns(pl.lit("9999").alias("occupation")))
    with pytest.raises(PanelError, match="occupation is not in taxonomy"):
        list(last.portions(100))
    shuffled = _rewritten(file, tmp_path / "order.parquet", pl.concat([rows[300:], rows[:300]]))
    with pytest.raises(PanelError, match="is not in the order of its workers: load it and save it again"):
        list(shuffled.portions(100))


@pytest.mark.parametrize("at", [0, 70, 150, 301])
def test_a_row_at_fault_is_named_by_its_place_in_the_file(
    at: int, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "ROWS_TOGETHER", 100)
    wrong = pl.when(pl.int_range(pl.len()) >= at).then(pl.lit("9999")).otherwise("occupation").alias("occupation")
    read = _rewritten(file, tmp_path / "wrong.parquet", pl.read_parquet(file).with_columns(wrong))
    with pytest.raises(PanelError, match=rf"wrong\.parquet, row {at + 1}: occupation is not in taxonomy occ1990dd$"):
        list(read.portions(100))
    start, end = next((start, end) for start, end, _ in read.spans(100) if start <= at < end)
    with pytest.raises(PanelError, match=rf"wrong\.parquet, row {at + 1}: occupation is not"):
        read.rows(start, end)


def test_a_torn_file_is_refused(file: Path, tmp_path: Path) -> None:
    content = bytearray(file.read_bytes())
    content[200:900] = bytes(700)
    (tmp_path / "torn.parquet").write_bytes(content)
    with pytest.raises(PanelError, match="cannot be read: it is torn or was changed"):
        list(PanelFile.open(tmp_path / "torn.parquet").portions(100))


@pytest.mark.parametrize("records", [1, 50])
def test_every_row_is_checked_once(records: int, panel: Panel, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows of blocks add up to those of the panel, whatever the portions: the work grows with the panel, no faster."""
    checked: list[int] = []

    def counting(rows: pl.DataFrame, *about: object) -> None:
        checked.append(len(rows))
        check(rows, *about)  # type: ignore[arg-type]

    monkeypatch.setattr("laborllm.panel.panel.check", counting)
    monkeypatch.setattr(store, "ROWS_TOGETHER", 200)
    assert sum(map(len, PanelFile.open(file).portions(records))) == len(panel)
    assert sum(checked) == len(panel)
    checked.clear()
    assert sum(map(len, panel.portions(records))) == len(panel)
    assert not checked
