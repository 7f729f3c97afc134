"""Tables of text as programs and people write them: against Python's csv and pandas, and each defect by its line."""

import csv
import io
import re

import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from laborllm.errors import SourceError
from laborllm.sources.formats import delimited
from laborllm.sources.formats.delimited import split_cells
from laborllm.sources.formats.text import decode

CELL = st.text(st.sampled_from(["a", "b", "7", " ", '"', "'", ",", "\n", "\u2028", "\x85", "é"]), max_size=6)


def cells_of(text: str, name: str = "t.csv") -> list[list[str]]:
    names, cells = split_cells(name, text)
    return [names, *([cell or "" for cell in row] for row in cells.rows())]


@given(rows=st.lists(st.lists(CELL, min_size=2, max_size=2), min_size=1, max_size=5), quoting=st.sampled_from([0, 1]))
def test_what_csv_writes_is_read_back(rows: list[list[str]], quoting: int) -> None:
    table = [["one", "two"], *rows]
    file = io.StringIO()
    csv.writer(file, quoting=quoting, lineterminator="\n").writerows(table)  # type: ignore[arg-type]
    assert cells_of(file.getvalue()) == table


@pytest.mark.parametrize(
    "text",
    [
        'a,b,c\n1,12" pipe fitter,3\n2,x,y\n',
        'a,b,c\n1,"12"" pipe",3\n',
        'a,b,c\n1,"12" pipe",3\n',
        'a,b,c\n1,"Cook, line",3\n',
        'a,b,c\n1,"Cook\nof the day",3\n',
        'a,b,c\n1,"Skills: a, b\nand more: c, d\n",3\n',
        '"","pid","year"\n"1",NA,2010\n',
        "a,b,c\n1,2\n",
        "a,b,c\n1,2,3,,\n".replace(",,\n", "\n"),
        "a,b,c\r1,2,3\r",
    ],
)
def test_as_pandas_reads_it(text: str) -> None:
    expected = pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False, header=None, names=range(3))
    assert cells_of(text) == expected.fillna("").to_numpy().tolist()


@pytest.mark.parametrize(
    "text", ["sep=;\na;b\n1;2\n", "a\tb\n1\t2\n", "a|b\n1|2\n", "\n\na,b\n1,2\n", 'sep=;\na;b\n"1";2\n']
)
def test_separators(text: str) -> None:
    assert cells_of(text) == [["a", "b"], ["1", "2"]]


SWALLOWED = '1,2010,2010,Cashier,BA\n2,2010,2010,"Cook,BA\n3,2010,2010,Cashier,BA\n4,2010,2010,Carpenter 2",BA\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            f"worker,start,end,title,education\n{SWALLOWED}",
            "line 3: a quote mark begins a cell that continues to line 5",
        ),
        (
            'w,s,t\n1,2010,"Cook\n2,2011,Clerk"\n',
            "line 2: a quote mark begins a cell that continues to line 3, and line 3",
        ),
        ('w,s,t\n1,2010,Cook\n2,2011,"Clerk\n3,2012,Cook\n', "line 3: a quote mark begins a cell and no other ends it"),
        ("w,s,t\n1,2010,x\n2,2010,Manager, sales\n", "line 3: 4 cells, but the first line names 3 columns"),
        ("# by R\nw,s,t\n1,2010,x\n", "line 2: 3 cells, but the first line names 1 column; remove what stands above"),
        ('sep=,\nw,s,t\n1,2010,"x"\n2,2010,Manager, sales\n', "line 4: 4 cells, but the first line names 3 columns"),
        ('w,s,t\n1,"a\nb",x\n2,2010,Manager, sales\n', "line 4: 4 cells"),
        (f'w,s,t\n1,2010,"{"x" * 200_000}"\n', "line 2: field larger than field limit"),
        ("", "is not a readable .csv file: it is empty"),
    ],
)
def test_a_defect_is_named_by_its_line(text: str, message: str) -> None:
    with pytest.raises(SourceError, match=re.escape(message)) as caught:
        split_cells("t.csv", text)
    assert "\n" not in str(caught.value)


@given(width=st.integers(3, 6), rows=st.integers(3, 6), data=st.data())
def test_a_quote_that_swallows_rows_is_never_read(width: int, rows: int, data: st.DataObject) -> None:
    """One quote at the start of the cell of a row, another at the end of that of a later row."""
    table = [[str(10 * row + column) if column else f"w{row}" for column in range(width)] for row in range(rows)]
    first = data.draw(st.integers(0, rows - 2))
    last = data.draw(st.integers(first + 1, rows - 1))
    column = data.draw(st.integers(0, width - 1))
    table[first][column] = f'"{table[first][column]}'
    table[last][column] += '"'
    text = "".join(",".join(row) + "\n" for row in [["name"] * width, *table])
    with pytest.raises(
        SourceError, match=f"line {first + 2}: a quote mark begins a cell that continues to line {last + 2}"
    ):
        split_cells("t.csv", text)


def test_tables_larger_than_a_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "CELLS", 4)
    rows = [[str(row), f'"{row}, x"'] for row in range(11)]
    text = "a,b\n" + "".join(",".join(row) + "\n" for row in rows)
    assert cells_of(text) == [["a", "b"], *([str(row), f"{row}, x"] for row in range(11))]


@pytest.mark.parametrize(
    ("content", "encoding", "text", "found"),
    [
        ("Zoë\u2019s".encode("windows-1252"), None, "Zoë\u2019s", "Windows-1252"),
        ("Łódź".encode("windows-1250"), "windows-1250", "Łódź", "windows-1250"),
        (b"Caf\xe9 \x81", None, "Café \x81", "Latin-1"),
        ("Zoë".encode("utf-8-sig"), None, "Zoë", "UTF-8"),
        ("Zoë".encode("utf-8-sig"), "utf-8", "Zoë", "utf-8"),
        ("Zoë".encode("utf-16"), None, "Zoë", "UTF-16"),
        ("Zoë".encode("utf-16-le"), "utf-16-le", "Zoë", "utf-16-le"),
    ],
)
def test_encodings(content: bytes, encoding: str | None, text: str, found: str) -> None:
    assert decode("t.csv", content, encoding) == (text, found)


@pytest.mark.parametrize(
    ("content", "encoding", "message"),
    [
        ("à\nZoë Éva ".encode() + b"Jos\xe9", None, "t.csv, line 2: a letter is not UTF-8, though 3 others"),
        ("a\nZoë".encode(), "ascii", "t.csv, line 2: the bytes are not ascii"),
        (b"a", "utf-99", "unknown encoding 'utf-99': use one such as utf-8"),
        (b"a", "undefined", "unknown encoding 'undefined': use one such as utf-8"),
        (
            b"a\nb\0",
            None,
            "t.csv is not a text file, or UTF-16 without its mark: line 2 holds a zero byte; name the encoding",
        ),
    ],
)
def test_a_wrong_encoding(content: bytes, encoding: str | None, message: str) -> None:
    with pytest.raises(SourceError, match=re.escape(message)):
        decode("t.csv", content, encoding)


@given(text=st.text(st.characters(codec="windows-1252"), max_size=30))
def test_any_text_of_windows_is_read(text: str) -> None:
    content = text.encode("windows-1252")
    assume(b"\0" not in content and not content.startswith((b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")))
    try:
        content.decode()
    except UnicodeDecodeError:
        assume(True)
        try:
            assert decode("t.csv", content)[0] == text
        except SourceError as error:
            assert "is not UTF-8, though" in str(error)  # noqa: PT017


@pytest.mark.parametrize("text", ["a,b\n" + "\n" * 9, "a,b\n" + "," * 20])
def test_more_empty_cells_than_memory_has_room_for(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A packed file of a few hundred kilobytes can hold hundreds of millions of empty lines, or of commas in one."""
    monkeypatch.setattr(delimited, "LARGEST", 19)
    with pytest.raises(SourceError, match=r"t\.csv has 2[012] cells in \d+ lines: no more than 19 are read where most"):
        split_cells("t.csv", text)
    assert split_cells("t.csv", "a,b\n" + "11,22\n" * 9)[1].shape == (9, 2)
