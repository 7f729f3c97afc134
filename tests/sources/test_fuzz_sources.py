"""Extracts, tables and resumes, each spoilt FUZZ_INPUTS times: a panel that adds up, or one line of our own."""

import gzip
import os
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from laborllm.panel import Panel
from laborllm.sources import import_nlsy79, import_nlsy97, import_psid, import_table
from laborllm.sources.career_layout import import_career
from laborllm.sources.resumes.jobs import read_jobs
from laborllm.sources.resumes.json_resume import read_resumes
from sources import invented, invented_nlsy97, psid_extract
from sources.invented import Column
from sources.test_career_layout import BY_HAND, TAXONOMY
from sources.test_fuzz import BYTES, DAMAGES, Damage, Spoiling, own_error_at_most, spoil, write

pytestmark = pytest.mark.fuzz

PEOPLE = Column("R0000100", "CASEID", "1979", (1, 2, 3, 4))
NLSY79 = (
    PEOPLE,
    Column("R0000149", "HHID", "1979", (1, 1, 3, 4)),
    Column("R0000500", "Q1-3_A~Y", "1979", (57, 58, 64, -3)),
    Column("R0046400", "CPSOCC70", "1979", (310, 280, 995, -4)),
    Column("R0214700", "SAMPLE_RACE", "78SCRN", (1, 2, 3, 3)),
    Column("R0214800", "SAMPLE_SEX", "1979", (1, 2, 1, 2)),
    Column("R0828000", "CPSOCC80", "1982", (276, 8, -4, -5)),
    Column("R0841000", "HRP1", "1982", (725, 0, -4, -5)),
    Column("R0896700", "SAMPWEIGHT", "1982", (123456, 100, 0, -5)),
    Column("R0897910", "REGION", "1982", (1, 2, 4, -5)),
)
RESUME = (
    '{"basics": {"birthDate": "1985-02-03"}, "education": [{"studyType": "GED", "endDate": "2003"}], "work": '
    '[{"position": "Line cook", "startDate": "2005-06", "endDate": "May 2008"}, {"position": "Cook"}]}\n'
)


def _nlsy79(folder: Path) -> Callable[[], Panel]:
    files = invented.write(
        folder,
        {
            "data.csv": invented.data(NLSY79),
            "book.cdb": invented.codebook(NLSY79),
            "list.sdf": invented.variable_list(NLSY79),
        },
    )
    return lambda: import_nlsy79(files)


def _nlsy79_zip(folder: Path) -> Callable[[], Panel]:
    with zipfile.ZipFile(folder / "all.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data.csv", invented.data(NLSY79))
        archive.writestr("book.cdb", invented.codebook(NLSY79))
    return lambda: import_nlsy79([folder / "all.zip"])


def _nlsy97(folder: Path) -> Callable[[], Panel]:
    columns = invented_nlsy97.columns(invented_nlsy97.people(0, count=3))
    files = invented.write(folder, {"data.csv": invented.data(columns), "list.sdf": invented.variable_list(columns)})
    return lambda: import_nlsy97(files)


def _psid(folder: Path) -> Callable[[], Panel]:
    study = psid_extract.invent()
    psid_extract.write_extract(folder / "people.txt", study.individuals[:4], "sas")
    psid_extract.write_extract(folder / "family.txt", study.families[1990], "do")
    return lambda: import_psid([folder / "people.txt", folder / "family.txt"])


def _nlsy97_documents(folder: Path) -> Callable[[], Panel]:
    """More people, in packed files, with the codebook and Stata's dictionary."""
    columns = invented_nlsy97.columns(invented_nlsy97.people(1, count=5))
    (folder / "data.csv.gz").write_bytes(gzip.compress(invented.data(columns).encode()))
    documents = {"book.cdb": invented.codebook(columns), "all.dct": invented.dictionary(columns)}
    files = [folder / "data.csv.gz", *invented.write(folder, documents)]
    return lambda: import_nlsy97(files)


def _psid_families(folder: Path) -> Callable[[], Panel]:
    """All people, and a family file of each wave, in the dialects by turns."""
    study = _study()
    psid_extract.write_extract(folder / "people.txt", study.individuals, "sps")
    for number, (year, families) in enumerate(study.families.items()):
        psid_extract.write_extract(folder / f"family{year}.txt", families, ("sas", "sps", "do")[number % 3])
    return lambda: import_psid(sorted(folder.glob("*.txt")))


@cache
def _study() -> psid_extract.Study:
    return psid_extract.invent(1)


def _career_layout(folder: Path) -> Callable[[], Panel]:
    for name, text in BY_HAND.items():
        (folder / name).write_text(text)
    return lambda: import_career(folder, TAXONOMY, "CAREER")


SOURCES = {
    "nlsy79": _nlsy79,
    "nlsy79 zip": _nlsy79_zip,
    "nlsy97": _nlsy97,
    "nlsy97 documents": _nlsy97_documents,
    "psid": _psid,
    "psid families": _psid_families,
    "career layout": _career_layout,
}


@dataclass(frozen=True)
class Swap:
    """A line of a file in the place of another, as a share of all lines; or gone, where the two are one."""

    one: float
    other: float

    def spoil(self, content: bytes) -> bytes:
        lines = content.split(b"\n")
        one, other = (min(int(share * len(lines)), len(lines) - 1) for share in (self.one, self.other))
        if one == other:
            del lines[one]
        else:
            lines[one], lines[other] = lines[other], lines[one]
        return b"\n".join(lines)


FIGURES = st.builds(
    Damage, st.floats(0, 1), st.sampled_from([0, 1, 2]), st.sampled_from([b"9", b"-", b"0", b" ", b"."])
)
SWAPS = st.builds(Swap, st.floats(0, 1), st.floats(0, 1))
SPOILT = st.one_of(
    DAMAGES,
    st.lists(st.one_of(FIGURES, SWAPS, st.builds(Damage, st.floats(0, 1), st.just(1), BYTES)), min_size=1, max_size=4),
)
TARGET = int(os.environ.get("FUZZ_INPUTS", "60"))  # inputs of each kind of source, shared by its forms


def among(forms: int) -> settings:
    return settings(suppress_health_check=list(HealthCheck), max_examples=TARGET // forms + 1, deadline=None)


@pytest.mark.parametrize("source", SOURCES)
@among(forms=2)
@given(damages=SPOILT, at=st.floats(0, 1))
def test_spoilt_extracts(source: str, damages: list[Spoiling], at: float, tmp_path: Path) -> None:
    run = SOURCES[source](tmp_path)
    files = sorted(path for path in tmp_path.iterdir() if path.is_file())
    spoil(files[min(int(at * len(files)), len(files) - 1)], damages)
    with own_error_at_most():
        panel = run()
        assert panel.provenance.rows_in == len(panel) + sum(panel.provenance.left_out.values())


@pytest.mark.parametrize("name", ["own.csv", "own.parquet", "own.yaml"])
@among(forms=3)
@given(damages=SPOILT)
def test_spoilt_tables(name: str, damages: list[Spoiling], tmp_path: Path) -> None:
    table = write(tmp_path, "own.parquet" if name == "own.parquet" else "own.csv")
    spoil(tmp_path / name, damages)
    with own_error_at_most():
        panel = import_table(table, tmp_path / "own.yaml")
        assert panel.provenance.rows_in == len(panel) + sum(panel.provenance.left_out.values())


@pytest.mark.parametrize("name", ["r.jsonl", "jobs.csv"])
@among(forms=2)
@given(damages=SPOILT)
def test_spoilt_resumes(name: str, damages: list[Spoiling], tmp_path: Path) -> None:
    text = 2 * RESUME if name == "r.jsonl" else 'worker,start,end,title\n1,2001,"2002",RN\n2,May 2003,,"Cook, line"\n'
    (tmp_path / name).write_text(text)
    spoil(tmp_path / name, damages)
    with own_error_at_most():
        jobs = (read_resumes if name == "r.jsonl" else read_jobs)(tmp_path / name)
        assert jobs.rows.collect().columns == ["worker", "start", "end", "title", "education", "birth_year"]
