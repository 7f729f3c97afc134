"""Extracts of the NLS Investigator: found by question and round, missing codes apart, every bad file one clear line."""

import gzip
import zipfile
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from laborllm.errors import SourceError
from laborllm.sources.formats import text
from laborllm.sources.nls.investigator import KEY, Extract, Frequency, Variable, answers, read_extract
from laborllm.storage import file_hash
from sources.invented import Column, codebook, data, dictionary, tagset, variable_list, write

SHARED = Path(__file__).parents[3] / "shared" / "data"
COLUMNS = (
    Column(KEY, "CASEID", "1979", (3, 1, 2, 4)),
    Column("R0214800", "SAMPLE_SEX", "1979", (1, 2, 2, 1)),
    Column("R0702100", "CPSOCC70", "1982", (245, -4, -5, 245)),
    Column("R0945000", "CPSOCC70", "1983", (1, -1, -2, -3)),
)


def _read(folder: Path, files: dict[str, str]) -> Extract:
    return read_extract(write(folder, files))


def _refused(folder: Path, files: dict[str, str]) -> str:
    """The one line that answers `files`."""
    with pytest.raises(SourceError) as caught:
        _read(folder, files)
    line = str(caught.value)
    assert "\n" not in line
    return line


DOCUMENTS = {
    "own.cdb": codebook(COLUMNS),
    "own_codebook.txt": codebook(COLUMNS),
    "own.sdf": variable_list(COLUMNS),
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_variables_are_found_by_question_and_round(name: str, tmp_path: Path) -> None:
    shuffled = (COLUMNS[3], COLUMNS[1], COLUMNS[0], COLUMNS[2])
    extract = _read(tmp_path, {"own.csv": data(shuffled), name: DOCUMENTS[name]})
    assert extract.reference("CPSOCC70", "1982") == "R0702100"
    assert extract.reference("CPSOCC70", "1984") is None
    assert extract.rounds("CPSOCC70") == ["1982", "1983"]
    assert extract.rounds("CPSOCC80") == []
    assert extract.values["R0702100"].to_list() == [-4, -5, 245, 245]  # in the order of the people
    assert extract.files == {file: file_hash(tmp_path / file) for file in ("own.csv", name)}


def test_a_codebook_says_what_was_answered(tmp_path: Path) -> None:
    extract = _read(tmp_path, {"own.csv": data(COLUMNS), "own.cdb": codebook(COLUMNS)})
    assert extract.variables["R0702100"] == Variable(
        reference="R0702100",
        question="CPSOCC70",
        round="1982",
        title="WHAT IS CPSOCC70",
        frequencies=(Frequency(245, 245, 2, "ANSWER 245"),),
        missing=((-1, 0), (-2, 0), (-3, 0), (-4, 1), (-5, 1)),
        people=4,
    )


def test_missing_codes_stay_apart(tmp_path: Path) -> None:
    extract = _read(tmp_path, {"own.csv": data(COLUMNS)})
    apart = {"refusal": 1, "don't know": 1, "invalid skip": 1, "valid skip": 0, "non-interview": 0}
    assert extract.count_missing("R0945000") == apart
    assert extract.values.select(answers("R0945000")).to_series().to_list() == [None, None, 1, None]
    decimals = extract.values.with_columns(pl.col("R0945000").cast(pl.Float64) + pl.Series([0.0, 0.0, 0.5, 0.0]))
    assert decimals.select(answers("R0945000")).to_series().to_list() == [None, None, 1.5, None]


@pytest.mark.parametrize(
    "encode",
    [
        lambda text: b"\xef\xbb\xbf" + text.encode(),
        lambda text: text.replace("\n", "\r\n").encode(),
        lambda text: text.replace('"', "").encode(),
        lambda text: text.replace("245", " 245.0").encode(),
        lambda text: text.encode("utf-16"),
    ],
    ids=["byte order mark", "CRLF", "no quotes", "decimals of nought", "UTF-16"],
)
def test_the_same_data_from_any_program(encode: Callable[[str], bytes], tmp_path: Path) -> None:
    plain = _read(tmp_path, {"own.csv": data(COLUMNS)}).values
    (tmp_path / "own.csv").write_bytes(encode(data(COLUMNS)))
    assert read_extract([tmp_path / "own.csv"]).values.equals(plain)


def test_latin_1_codebook(tmp_path: Path) -> None:
    files = write(tmp_path, {"own.csv": data(COLUMNS), "own.cdb": ""})
    files[1].write_bytes(codebook(COLUMNS).replace("UNIVERSE: All", "UNIVERSE: José").encode("latin-1"))
    assert read_extract(files).reference("SAMPLE_SEX", "1979") == "R0214800"


def test_gzip_and_zip(tmp_path: Path) -> None:
    plain = _read(tmp_path, {"own.csv": data(COLUMNS), "own.cdb": codebook(COLUMNS)})
    (tmp_path / "own.csv.gz").write_bytes(gzip.compress(data(COLUMNS).encode()))
    (tmp_path / "own.cdb.gz").write_bytes(gzip.compress(codebook(COLUMNS).encode()))
    with zipfile.ZipFile(tmp_path / "own.zip", "w") as archive:
        for name, text in {"a/own.csv": data(COLUMNS), "a/own.cdb": codebook(COLUMNS), "a/own.sas": "run;"}.items():
            archive.writestr(name, text)
    for files in (["own.csv.gz", "own.cdb.gz"], ["own.zip"]):
        extract = read_extract([tmp_path / name for name in files])
        assert extract.values.equals(plain.values)
        assert extract.variables == plain.variables
        assert extract.notes == ({"files not read": "1 (.sas 1)"} if files == ["own.zip"] else {})


def test_an_archive_that_inflates_absurdly_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "LARGEST_TEXT", 2**20)
    with zipfile.ZipFile(tmp_path / "own.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("own.csv", " " * 2**21)
    (tmp_path / "own.csv.gz").write_bytes(gzip.compress(b" " * 2**21))
    for name in ("own.zip", "own.csv.gz"):
        with pytest.raises(SourceError, match=r"own\.csv(\.gz)? inflates to more than 0\.000976562 GiB"):
            read_extract([tmp_path / name])


def test_files_are_joined_by_person(tmp_path: Path) -> None:
    other = (Column(KEY, "CASEID", "1979", (4, 5)), Column("R0214800", "SAMPLE_SEX", "1979", (1, 2)))
    extract = _read(tmp_path, {"a.csv": data(COLUMNS), "b.csv": data(other)})
    assert extract.values[KEY].to_list() == [1, 2, 3, 4, 5]
    assert extract.values["R0214800"].to_list() == [2, 2, 1, 1, 2]
    assert extract.values["R0945000"].to_list() == [-1, -2, 1, -3, None]


def test_a_table_of_one_question(tmp_path: Path) -> None:
    (tmp_path / "codes.csv").write_text(f"{KEY},1982,1996\n1,276,-4\n2,-5,8\n")
    extract = read_extract([Path(f"CPSOCC80={tmp_path / 'codes.csv'}")])
    assert extract.rounds("CPSOCC80") == ["1982", "1996"]
    assert extract.values[extract.reference("CPSOCC80", "1996") or ""].to_list() == [-4, 8]


def test_what_is_known_of_a_column_without_document(tmp_path: Path) -> None:
    known = {"R0702100": Variable("R0702100", "CPSOCC70", "1982")}
    for document in ({}, {"own.NLSY79": tagset(COLUMNS)}, {"own.dct": dictionary(COLUMNS)}):
        extract = read_extract(write(tmp_path, {"own.csv": data(COLUMNS), **document}), known)
        assert extract.rounds("CPSOCC70") == ["1982"]


def test_a_stata_dictionary_has_titles(tmp_path: Path) -> None:
    extract = _read(tmp_path, {"own.csv": data(COLUMNS), "own.dct": dictionary(COLUMNS)})
    assert extract.variables["R0702100"] == Variable("R0702100", title="CPSOCC70 82")


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"own.cdb": codebook(COLUMNS)}, "there is no data among the files: give the .csv"),
        ({"own.xlsx": ""}, "own.xlsx is no file of an extract: give data"),
        ({"own.csv": ""}, "own.csv is not a readable .csv file"),
        ({"own.csv": '"R0000100"\n'}, "own.csv has a line of names and nothing below it"),
        ({"own.csv": "id,R0214800\n1,1\n"}, "own.csv: the column 'id' is no NLS reference number such as"),
        ({"own.csv": "R0214800\n1\n"}, "own.csv has no column R0000100, the number of the person"),
        ({"own.csv": "R0000100,R0214800,R0214800\n1,1,1\n"}, "own.csv has the column R0214800 twice"),
        ({"own.csv": "R0000100,R0214800\n1,1\n2\n"}, "own.csv, line 3: the row ends early or has an empty cell"),
        ({"own.csv": "R0000100,R0214800\n1, \n"}, "own.csv, line 2: the row ends early or has an empty cell"),
        ({"own.csv": "R0000100,R0214800\n1,1,1\n"}, "own.csv, line 2: 3 cells, but the first line names 2 columns"),
        (
            {"own.csv": "R0000100,R0214800\n1,1\n7,2\n1,1\n"},
            "own.csv, line 2: R0000100 must be a number from 1, and each",
        ),
        ({"own.csv": "R0000100,R0214800\n-5,1\n"}, "own.csv, line 2: R0000100 must be a number from 1"),
        (
            {"own.csv": "R0000100,R0702100\n1,1\n2,5-Jan\n"},
            "line 3, column R0702100: the cell is no number as the",
        ),
        ({"own.csv": "R0000100,R0702100\n1,1.00E+03\n"}, "column R0702100: the cell is no number"),
        ({"own.csv": "R0000100,R0702100\n1,#####\n"}, "if a spreadsheet program saved the file, download it again"),
        (
            {"a.csv": data(COLUMNS), "b.csv": "R0000100,R0214800\n1,1\n2,2\n"},
            "two files contradict each other in column R0214800 (people: 1)",
        ),
        (
            {"own.csv": data(COLUMNS), "own.cdb": "Once upon"},
            "own.cdb is no codebook of the NLS Investigator",
        ),
        ({"own.csv": data(COLUMNS), "own.cdb": codebook(COLUMNS) * 2}, "own.cdb: the variable R0000100 is there twice"),
        (
            {"own.csv": data(COLUMNS), "own.cdb": codebook(COLUMNS[:2])},
            "the documents do not fit the data: none describes R0702100, R0945000",
        ),
        (
            {"own.csv": data(COLUMNS).replace("245", "246"), "own.cdb": codebook(COLUMNS)},
            "the codebook does not fit the data: CPSOCC70 of 1982 (R0702100), answer 245: 0 people, where",
        ),
        (
            {"own.csv": data(COLUMNS).replace("-4", "-5"), "own.cdb": codebook(COLUMNS)},
            "answer -4: 0 people, where the codebook has 1",
        ),
        (
            DOCUMENTS | {"own.csv": data(COLUMNS), "own.sdf": variable_list(COLUMNS).replace("CPSOCC70", "JOB")},
            "in another document: they are of two cohorts or releases",
        ),
    ],
)
def test_bad_files(files: dict[str, str], message: str, tmp_path: Path) -> None:
    assert message in _refused(tmp_path, files)


def test_a_part_of_the_cohort_has_no_more_of_an_answer_than_the_codebook(tmp_path: Path) -> None:
    part = tuple(Column(c.reference, c.question, c.round, c.answers[1:]) for c in COLUMNS)
    assert _read(tmp_path, {"own.csv": data(part), "own.cdb": codebook(COLUMNS)}).values.height == 3
    more = (*part[:2], Column("R0702100", "CPSOCC70", "1982", (-4, -4, 245)), part[3])
    assert "answer -4: 2 people" in _refused(tmp_path, {"own.csv": data(more), "own.cdb": codebook(COLUMNS)})


def test_a_codebook_that_is_a_few_people_off_is_noted(tmp_path: Path) -> None:
    people = tuple(range(1, 301))
    columns = (Column(KEY, "CASEID", "1979", people), Column("R7006800", "REGION", "2000", (4,) * 299 + (3,)))
    other = (columns[0], Column("R7006800", "REGION", "2000", (4,) * 298 + (3,) * 2))
    extract = _read(tmp_path, {"own.csv": data(columns), "own.sdf": variable_list(columns), "own.cdb": codebook(other)})
    assert extract.notes == {
        "codebook, REGION of 2000 (R7006800), answer 3": "1 people, where the codebook has 2",
        "codebook, REGION of 2000 (R7006800), answer 4": "299 people, where the codebook has 298",
    }


def test_two_columns_of_one_question_and_round(tmp_path: Path) -> None:
    twice = (*COLUMNS, Column("R0945001", "CPSOCC70", "1983", (1, 1, 1, 1)))
    extract = _read(tmp_path, {"own.csv": data(twice), "own.cdb": codebook(twice)})
    with pytest.raises(SourceError, match="CPSOCC70 of round 1983 stands under R0945000 and R0945001: leave one out"):
        extract.reference("CPSOCC70", "1983")


@pytest.mark.parametrize("name", ["own.csv.gz", "own.cdb.gz", "own.zip"])
@pytest.mark.parametrize("content", [b"", b"not what the name says" * 50], ids=["empty", "garbage"])
def test_a_file_that_is_not_what_its_name_says(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceError, match=f"{name} is not a readable|no data among the files"):
        read_extract([tmp_path / name])


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"no file at .*absent.csv"):
        read_extract([tmp_path / "absent.csv"])


WHOLE = {
    "own.csv": data(COLUMNS).encode(),
    "own.cdb": codebook(COLUMNS).encode(),
    "own.sdf": variable_list(COLUMNS).encode(),
}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@given(
    st.sampled_from(["own.csv", "own.cdb", "own.sdf", "own.dct", "own.NLSY79", "own.csv.gz", "own.zip"]), st.binary()
)
def test_any_bytes_are_refused_in_one_line(tmp_path: Path, name: str, content: bytes) -> None:
    for file, whole in (WHOLE | {name: content}).items():
        (tmp_path / file).write_bytes(whole)
    _valid_or_refused([tmp_path / "own.csv", tmp_path / name])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300, deadline=None)
@given(
    st.sampled_from(sorted(WHOLE)),
    st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 30), st.binary(max_size=6)), min_size=1, max_size=3),
)
def test_a_changed_extract_is_read_or_refused(tmp_path: Path, name: str, changes: list[tuple[int, int, bytes]]) -> None:
    content = WHOLE[name]
    for start, length, put in changes:
        start %= len(content) + 1
        content = content[:start] + put + content[start + length :]
    for file, whole in (WHOLE | {name: content}).items():
        (tmp_path / file).write_bytes(whole)
    _valid_or_refused([tmp_path / file for file in WHOLE])


def _valid_or_refused(files: list[Path]) -> None:
    try:
        extract = read_extract(files)
    except SourceError as error:
        line = str(error)
    else:
        line = "valid"
        _require_valid(extract)
    assert len(line.splitlines()) == 1


def _require_valid(extract: Extract) -> None:
    assert list(extract.variables) == extract.values.columns
    assert extract.values[KEY].is_unique().all()
    assert set(extract.values.dtypes) <= {pl.Int64(), pl.Float64()}
    assert extract.values.null_count().sum_horizontal().item() == 0


REAL = {
    "nlsy79, a part": (
        "nlsy79",
        ["original-8.csv.gz", "original.cdb.gz", "original.sdf", "original.NLSY79"],
        (686, 1833),
    ),
    "nlsy79, supplement 1": ("nlsy79", [f"NLSY79_supplement1.{e}" for e in ("csv.gz", "cdb", "sdf")], (12_686, 120)),
    "nlsy79, supplement 2": ("nlsy79", [f"NLSY79_supplement2.{e}" for e in ("csv.gz", "cdb", "sdf")], (12_686, 90)),
    "nlsy79, employment status": (
        "nlsy79",
        [f"NLSY79_employment_status.{e}" for e in ("csv.gz", "cdb", "sdf")],
        (12_686, 111),
    ),
    "nlsy97": ("nlsy97", ["nlsy97.csv.gz", "nlsy97_codebook.txt.gz"], (7616, 95)),
}


@pytest.mark.parametrize("name", REAL)
def test_real_extracts(name: str) -> None:
    folder, names, shape = REAL[name]
    files = [SHARED / folder / file for file in names]
    if not all(file.is_file() for file in files):
        pytest.skip("the NLSY extracts are not here")
    extract = read_extract(files)
    assert extract.values.shape == shape
    assert all(variable.question and variable.round and variable.title for variable in extract.variables.values())
    off = {"nlsy79, supplement 2": 2}  # REGION of 2000, valid skips and non-interviews, by 3 people
    assert len(extract.notes) == off.get(name, 0)
