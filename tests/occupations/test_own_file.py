"""Taxonomies, crosswalks and corrections that users bring, as spreadsheets write them, and as they go wrong."""

from collections.abc import Callable
from pathlib import Path

import pytest

from laborllm.errors import TaxonomyError
from laborllm.occupations import load_crosswalk, load_taxonomy
from laborllm.occupations.coding.corrections import read_corrections

Pairs = dict[str, str]


def taxonomy(path: Path) -> Pairs:
    found = load_taxonomy(path)
    return dict(zip(found.titles, found.codes, strict=True))


def crosswalk(path: Path) -> Pairs:
    return load_crosswalk(path).pairs


READERS: dict[str, tuple[Callable[[Path], Pairs], str]] = {
    "taxonomy": (taxonomy, "title,code"),
    "corrections": (read_corrections, "title,code"),
    "crosswalk": (crosswalk, "code,occ1990dd"),
}
ROWS = "Cooks,20\nBakers,30\n"


@pytest.fixture(params=READERS)
def read(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], Pairs]:
    """Read a table of Cooks and Bakers whose first line is what that reader wants."""
    reader, header = READERS[request.param]

    def read(text: str) -> Pairs:
        (tmp_path / "own.csv").write_bytes(text.replace("HEADER", header).encode())
        return reader(tmp_path / "own.csv")

    return read


@pytest.mark.parametrize(
    "text",
    [
        f"HEADER\n{ROWS}",
        f"\ufeffHEADER\n{ROWS}",
        f"HEADER\n{ROWS}".replace("\n", "\r\n"),
        f"HEADER\n{ROWS}".replace("\n", "\r"),
        f"HEADER\n{ROWS}".replace("\n", "\n\n"),
        f"HEADER\n{ROWS},\n",
        f"HEADER\n{ROWS}".replace(",", " , "),
        'HEADER\n"Cooks","20"\n"Bakers","30"',
    ],
)
def test_as_spreadsheets_write_it(text: str, read: Callable[[str], Pairs]) -> None:
    assert read(text) == {"Cooks": "20", "Bakers": "30"}


@pytest.mark.parametrize("header", ["Code,TITLE", "code, title", "title,code,,"])
def test_columns_in_any_case(header: str, tmp_path: Path) -> None:
    rows = "Cooks,20,,\n" if header.startswith("title") else "20,Cooks\n"
    for reader in (taxonomy, read_corrections):
        (tmp_path / "own.csv").write_text(f"{header}\n{rows}")
        assert reader(tmp_path / "own.csv") == {"Cooks": "20"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('HEADER\n"Cooks,20\nBakers,30\n', r"line 2: a quote mark begins a cell that goes on in the next line"),
        (
            'HEADER\nCooks,20\nBakers,"30\nNurses,40\n',
            r"line 3: a quote mark begins a cell that goes on in the next line",
        ),
        ('HEADER\n"Cooks\nand chefs",20\n', r"line 2: a quote mark begins"),
        (f"HEADER\n{ROWS}{'x' * 200_000},40\n", r"line 4: field larger than field limit"),
        ("code,code\nCooks,20,3\n", r"the first line must|expected two columns"),
        ("HEADER\nCooks\n", r"line 2: expected"),
    ],
)
def test_no_row_is_lost_in_another(text: str, message: str, read: Callable[[str], Pairs]) -> None:
    with pytest.raises(TaxonomyError, match=message):
        read(text)
