"""Whatever cell of whatever source is wrong: an error says where it is, not what stands there nor whose it is."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from laborllm.errors import LaborLLMError
from laborllm.occupations import load_taxonomy
from laborllm.occupations.coding import TitleCoder, load_coder
from laborllm.panel import Panel, Provenance
from laborllm.sources import import_psid, import_table, write_resumes
from laborllm.sources.career_layout import import_career
from laborllm.sources.formats.delimited import split_cells
from laborllm.sources.nls import nlsy97
from laborllm.sources.nls.nlsy79 import import_nlsy79
from laborllm.sources.people import PeopleOptions, read_people
from sources import invented, invented_nlsy97, psid_extract
from sources.test_fuzz_sources import NLSY79

PERSON = "Ada-Lovelace-1815"
CELLS = st.sampled_from(["Oak Street 7", "7310942", "-7310942", "1e7310942", "31/02/7310", "Zzz" * 2000, "\u2603 Oak"])
MARKS = ("Oak", "7310", "ZzzZzz", PERSON)
MAPPING = """dataset: OWN
taxonomy: nlswork
worker: id
year: year
occupation: occ
weight: weight
covariates: {gender: sex, birth_year: born, education: school}
"""
TABLE = (
    f"id,year,occ,weight,sex,born,school\n{PERSON},2001,1,1.5,F,1980,HS\n{PERSON},2002,2,1.5,F,1980,HS\n"
    "B,2001,3,2,M,1975,BA\n"
)
JOBS = (
    "worker,start,end,title,education,birth_year,gender,region,out_of_work_since\n"
    f"{PERSON},2001,2003,Cashier,HS,1980,F,south,2020\n{PERSON},2004,2010,Registered nurse,HS,1980,F,south,2020\n"
    "B,2001,2019,Cook,BA,1975,M,west,\n"
)
LAYOUT = {
    "train.job": "276 276\n",
    "train.year": "2001 2002\n",
    "train.education": "hs hs\n",
    "train.birth_year": "1980\n",
}


@cache
def coder() -> TitleCoder:
    """It takes seconds to load."""
    return load_coder()


def _of_table(folder: Path, text: str) -> Any:
    (folder / "own.csv").write_text(text, "utf-8")
    (folder / "own.yaml").write_text(MAPPING)
    return import_table(folder / "own.csv", folder / "own.yaml")


def _of_resumes(folder: Path, text: str) -> Any:
    (folder / "jobs.csv").write_text(text, "utf-8")
    return write_resumes(folder / "jobs.csv", folder / "panel.parquet", coder=coder())


def _of_people(folder: Path, text: str) -> Any:
    (folder / "people.csv").write_text(text, "utf-8")
    return read_people(folder / "people.csv", PeopleOptions(as_of="2022"), coder=coder())


def _of_layout(folder: Path, text: str) -> Any:
    for name, content in (LAYOUT | {"train.year": text.split("\n", 1)[1]}).items():
        (folder / name).write_text(content, "utf-8")
    return import_career(folder, load_taxonomy("occ1990dd"), "X")


def _of_nlsy79(folder: Path, text: str) -> Any:
    return import_nlsy79(invented.write(folder, {"data.csv": text, "list.sdf": invented.variable_list(NLSY79)}))


COLUMNS_97 = invented_nlsy97.columns(invented_nlsy97.people(0, count=3))


def _of_nlsy97(folder: Path, text: str) -> Any:
    files = {"data.csv": text, "list.sdf": invented.variable_list(COLUMNS_97)}
    return nlsy97.import_nlsy97(invented.write(folder, files))


PEOPLE_68 = psid_extract.invent().individuals[:4]


def _of_psid(folder: Path, text: str) -> Any:
    psid_extract.write_extract(folder / "people.txt", PEOPLE_68, "sas")
    (folder / "people.txt").write_text(text, "utf-8")
    return import_psid([folder / "people.txt"])


def _lines_of_psid() -> str:
    with TemporaryDirectory() as folder:
        psid_extract.write_extract(Path(folder) / "people.txt", PEOPLE_68, "sas")
        return (Path(folder) / "people.txt").read_text()


def _of_records(folder: Path, text: str) -> Any:
    names, cells = split_cells("records", text)
    frame = cells.rename(dict(zip(cells.columns, names, strict=True)))
    renamed = frame.rename({"id": "worker", "occ": "occupation", "sex": "gender", "born": "birth_year"}).drop("school")
    records = renamed.with_columns(split=pl.lit("train"))
    return Panel(records, load_taxonomy("nlswork"), "X", Provenance("invented"))


SOURCES: dict[str, tuple[Callable[[Path, str], Any], str]] = {
    "table": (_of_table, TABLE),
    "records": (_of_records, TABLE),
    "resumes": (_of_resumes, JOBS),
    "people": (_of_people, JOBS),
    "career layout": (_of_layout, "years\n2001 2002\n"),
    "nlsy79": (_of_nlsy79, invented.data(NLSY79)),
    "psid": (_of_psid, _lines_of_psid()),
    "nlsy97": (_of_nlsy97, invented.data(COLUMNS_97)),
}


def spoilt(text: str, row: float, column: float, cell: str) -> str:
    """A text with another cell below its first line."""
    lines = text.rstrip("\n").split("\n")
    line = 1 + min(int(row * (len(lines) - 1)), len(lines) - 2)
    mark = "," if "," in lines[0] else " "
    cells = lines[line].split(mark)
    cells[min(int(column * len(cells)), len(cells) - 1)] = cell if mark == "," else cell.replace(" ", "_")
    return "\n".join([*lines[:line], mark.join(cells), *lines[line + 1 :]]) + "\n"


@pytest.mark.parametrize("source", SOURCES)
@settings(suppress_health_check=list(HealthCheck), max_examples=20, deadline=None)
@given(row=st.floats(0, 1), column=st.floats(0, 1), cell=CELLS)
def test_an_error_tells_no_cell(source: str, row: float, column: float, cell: str, tmp_path: Path) -> None:
    read, text = SOURCES[source]
    error = error_of(lambda: read(tmp_path, spoilt(text, row, column, cell)))
    if error is not None:
        said = f"{error} {error.hint}"
        assert not any(mark in said for mark in MARKS), said
        assert len(error.cells or "") < 410


def error_of(read: Callable[[], Any]) -> LaborLLMError | None:
    """The error of our own that reading raises; None where it raises none."""
    try:
        read()
    except LaborLLMError as error:
        return error
    return None
