"""A table and a mapping file become a panel: every format, every row accounted for, every bad input one clear line."""

import csv
import gzip
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pyreadstat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from laborllm.errors import SourceError, TaxonomyError
from laborllm.panel import Panel
from laborllm.sources import import_table
from laborllm.sources.formats import text
from laborllm.storage import file_hash

MAPPING = """
dataset: OWN
taxonomy: jobs.csv
states: [unemployed]
worker: person
year: wave
occupation: {column: job, crosswalk: to_jobs.csv, missing: [9999]}
status:
  column: lfs
  values: {1: employed, 2: unemployed}
leave_out:
  no interview: {column: lfs, values: [9]}
covariates:
  gender: sex
  education: {column: degree, values: {1: high school, 2: college, 3: null}}
  birth_year: born
weight: w
missing: [-5]
"""
ROWS = {
    "person": [1, 1, 1, 2, 2, 3, 3, 3, 3],
    "wave": [2001, 2002, 2003, 2001, 2003, 2001, 2002, 2003, 2004],
    "job": [10.0, 20.0, None, 10.0, 30.0, 9999.0, 777.0, -5.0, None],
    "lfs": [1, 1, 2, 1, 1, 1, 1, 1, 9],
    "sex": [1, 1, 1, 2, 2, 2, 2, 2, 2],
    "degree": [1, 2, 2, 3, -5, 1, 1, 1, 7],
    "born": [1980, 1980, 1980, -5, -5, 1970, 1970, 1970, 1970],
    "w": [1.5, 2.0, 1.0, 0.5, -5.0, 1.0, 1.0, 1.0, 1.0],
}
LABELS: dict[str, dict[int | float, str]] = {"sex": {1: "Male", 2: "FEMALE"}}


@pytest.fixture
def mapping(tmp_path: Path) -> Path:
    """MAPPING in a file, with the taxonomy and the crosswalk that it names."""
    (tmp_path / "jobs.csv").write_text("code,title\nA,Bakers\nB,Millers\n")
    (tmp_path / "to_jobs.csv").write_text("code,jobs\n0010,A\n0020,B\n0030,A\n")
    return _write(tmp_path / "own.yaml", MAPPING)


def _write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def _write_csv(path: Path, frame: pl.DataFrame) -> None:
    frame.with_columns(pl.col("sex").replace_strict(LABELS["sex"])).write_csv(path)


def _write_parquet(path: Path, frame: pl.DataFrame) -> None:
    frame.with_columns(pl.col("sex").replace_strict(LABELS["sex"]).cast(pl.Categorical)).write_parquet(path)


def _write_stata(path: Path, frame: pl.DataFrame) -> None:
    pyreadstat.write_dta(frame, str(path), variable_value_labels=LABELS)


def _write_spss(path: Path, frame: pl.DataFrame) -> None:
    pyreadstat.write_sav(frame, str(path), variable_value_labels=LABELS)


def _write_gzip(path: Path, frame: pl.DataFrame) -> None:
    _write_csv(path.with_suffix(""), frame)
    path.write_bytes(gzip.compress(path.with_suffix("").read_bytes()))


def _write_tabs(path: Path, frame: pl.DataFrame) -> None:
    frame.with_columns(pl.col("sex").replace_strict(LABELS["sex"])).write_csv(path, separator="\t")


def _write_sas(path: Path, frame: pl.DataFrame) -> None:
    pyreadstat.write_xport(frame.with_columns(pl.col("sex").replace_strict(LABELS["sex"])), str(path))


WRITERS: dict[str, Callable[[Path, pl.DataFrame], None]] = {
    "own.csv": _write_csv,
    "own.csv.gz": _write_gzip,
    "own.tsv": _write_tabs,
    "own.parquet": _write_parquet,
    "own.dta": _write_stata,
    "own.sav": _write_spss,
    "own.xpt": _write_sas,
}


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_gives_the_same_panel(name: str, mapping: Path, tmp_path: Path) -> None:
    WRITERS[name](tmp_path / name, pl.DataFrame(ROWS))
    panel = import_table(tmp_path / name, mapping)
    assert panel.records.drop("split", "dataset").rows() == [
        ("1", 2001, "A", "high school", "male", None, None, 1980, 1.5),
        ("1", 2002, "B", "college", "male", None, None, 1980, 2.0),
        ("1", 2003, "unemployed", "college", "male", None, None, 1980, 1.0),
        ("2", 2001, "A", None, "female", None, None, None, 0.5),
        ("2", 2003, "A", None, "female", None, None, None, None),
    ]
    assert panel.taxonomy.codes == ("A", "B", "unemployed")
    assert (panel.dataset, panel.weight_kind) == ("OWN", "sampling")
    assert panel.provenance.source == "table"
    assert panel.provenance.files == {path.name: file_hash(path) for path in (tmp_path / name, mapping)}
    assert panel.provenance.rows_in == 9
    assert panel.provenance.left_out == {
        "no interview": 1,
        "occupation code not in taxonomy": 1,
        "occupation missing": 1,
        "occupation uncodable": 1,
    }
    assert panel.provenance.notes == {
        "crosswalk": "to_jobs to jobs (to_jobs.csv)",
        "codes mapped": "3 of 4, in 4 rows",
        "codes not in taxonomy": "777 (1 row)",
    }


SMALL = "dataset: OWN\ntaxonomy: occ1990dd\nworker: id\nyear: year\noccupation: occ\n"


def _import(tmp_path: Path, content: str | bytes, mapping: str = SMALL, name: str = "own.csv") -> Panel:
    file = tmp_path / name
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return import_table(file, _write(tmp_path / "own.yaml", mapping))


@pytest.mark.parametrize("written", ["4", "0004", "4.0", " 4 ", '"004"'])
def test_a_code_is_the_same_however_it_is_padded(written: str, tmp_path: Path) -> None:
    assert _import(tmp_path, f"id,year,occ\n1,2000,{written}\n").records["occupation"].to_list() == ["4"]


def test_worker_names_keep_their_zeros(tmp_path: Path) -> None:
    panel = _import(tmp_path, "id,year,occ\n007,2000,4\n7,2000,4\n")
    assert panel.records["worker"].to_list() == ["007", "7"]


@pytest.mark.parametrize(
    ("encode", "note"),
    [
        (lambda text: b"\xef\xbb\xbf" + text.encode(), {}),
        (lambda text: text.replace("\n", "\r\n").encode(), {}),
        (lambda text: text.replace("\n", "\r").encode(), {}),
        (lambda text: text.replace(",", ";").encode(), {}),
        (lambda text: f"\n{text}".replace(",", ", ").encode(), {}),
        (lambda text: text.encode("latin-1"), {"encoding": "Windows-1252"}),
        (lambda text: text.encode("utf-16"), {"encoding": "UTF-16"}),
    ],
    ids=["byte order mark", "CRLF", "CR", "semicolons", "blanks", "Latin-1", "UTF-16"],
)
def test_csv_from_any_program(encode: Callable[[str], bytes], note: dict[str, str], tmp_path: Path) -> None:
    content = encode("id,year,occ,land\n1,2000,4,Québec\n")
    panel = _import(tmp_path, content, SMALL + "covariates: {region: land}\n")
    assert panel.records.row(0)[:3] == ("1", 2000, "4")
    assert panel.records["region"].to_list() == ["québec"]
    assert {name: panel.provenance.notes[name] for name in panel.provenance.notes if name == "encoding"} == note


def test_states_may_stand_in_the_occupation_column(tmp_path: Path) -> None:
    mapping = SMALL.replace("occupation: occ", "states: [unemployed]\noccupation: {column: occ, crosswalk: census1990}")
    panel = _import(tmp_path, "id,year,occ\n1,2000,unemployed\n1,2001,4\n", mapping)
    assert panel.records["occupation"].to_list() == ["unemployed", "4"]


def test_a_code_the_crosswalk_lacks_is_not_taken_for_one_of_the_taxonomy(tmp_path: Path) -> None:
    (tmp_path / "few.csv").write_text("code,occ1990dd\n100,4\n")
    mapping = SMALL.replace("occupation: occ", "occupation: {column: occ, crosswalk: few.csv}")
    panel = _import(tmp_path, "id,year,occ\n1,2000,100\n1,2001,4\n", mapping)
    assert panel.provenance.left_out == {"occupation code not in taxonomy": 1}


def test_a_panel_of_states_alone(tmp_path: Path) -> None:
    mapping = SMALL + "states: [unemployed]\nstatus: {column: lfs, values: {0: unemployed}}\n"
    panel = _import(tmp_path, "id,year,occ,lfs\n1,2000,,0\n", mapping)
    assert panel.records["occupation"].to_list() == ["unemployed"]


def test_rows_at_the_end_without_an_occupation_may_be_open(tmp_path: Path) -> None:
    """Whose occupation is missing after the last known one; one in between, or that has no place, is left out."""
    mapping = (
        SMALL + "missing: [-9]\nstates: [unemployed]\nstatus: {column: lfs, values: {1: employed, 0: unemployed}}\n"
    )
    rows = ["1,2000,4,1", "1,2001,,1", "1,2002,4,1", "1,2004,-9,1", "2,2000,4,1", "2,2001,99999,1", "3,2003,,"]
    content = "\n".join(["id,year,occ,lfs", *rows, "4,2000,4,1", "4,2001,,", "4,2002,,0"])
    closed, opened = (_import(tmp_path, content, mapping + f"open: {answer}\n") for answer in ("false", "true"))
    assert closed.open_records == 0
    assert closed.provenance.left_out == {
        "occupation missing": 2,
        "status missing": 2,
        "occupation code not in taxonomy": 1,
    }
    found = opened.records.filter(pl.col("occupation").is_null()).select("worker", "year")
    assert found.rows() == [("1", 2004), ("3", 2003)]
    assert opened.observed().fingerprint == closed.fingerprint
    with pytest.raises(SourceError, match="unknown answer to open 'maybe'; use true, false"):
        _import(tmp_path, content, mapping + "open: maybe\n")


def test_a_listed_value_wins_over_missing_and_over_its_label(tmp_path: Path) -> None:
    frame = pl.DataFrame({"id": [1, 2, 3], "year": [2000] * 3, "occ": [4] * 3, "race": [1, 2, -4]})
    pyreadstat.write_dta(frame, str(tmp_path / "own.dta"), variable_value_labels={"race": {1: "NBNH", 2: "Black"}})
    mapping = SMALL + "missing: [-4]\ncovariates:\n  ethnicity: {column: race, values: {1: White, -4: not asked}}\n"
    panel = import_table(tmp_path / "own.dta", _write(tmp_path / "own.yaml", mapping))
    assert panel.records["ethnicity"].to_list() == ["White", "black or african american", "not asked"]


@pytest.mark.parametrize(
    "mangled", ["1E+01", "1.5E+3", "10-Jan", "Jan-10", "4-Oct-10", "1/10/2010", "2010-01-10", "2010-01-10 00:00:00"]
)
def test_what_a_spreadsheet_made_of_a_code_is_refused(mangled: str, tmp_path: Path) -> None:
    for content, column in ((f"1,2000,4\n1,2001,{mangled}\n", "occ"), (f"1,2000,4\n{mangled},2001,4\n", "id")):
        message = (
            rf"column {column}: not as the source wrote it \(export it as text\): a value in 1 row, the first in row 2$"
        )
        with pytest.raises(SourceError, match=message):
            _import(tmp_path, f"id,year,occ\n{content}")


@pytest.mark.parametrize("code", ["11-1011", "11-1011.00", "1.2.34", "15E1", "A-10"])
def test_a_code_that_only_looks_like_one_is_kept(code: str, tmp_path: Path) -> None:
    (tmp_path / "jobs.csv").write_text(f"code,title\n{code},Bakers\n")
    panel = _import(tmp_path, f"id,year,occ\n{code},2000,{code}\n", SMALL.replace("occ1990dd", "jobs.csv"))
    assert panel.records.select("worker", "occupation").row(0) == (code, code)


def test_a_label_that_two_codes_share_is_refused(tmp_path: Path) -> None:
    frame = pl.DataFrame({"id": [1, 2, 3], "year": [2000] * 3, "occ": [4] * 3, "race": [1, 2, 1]})
    labels: dict[str, dict[int | float, str]] = {"race": {1: "Other", 2: "other ", 3: "Other"}}
    pyreadstat.write_dta(frame, str(tmp_path / "own.dta"), variable_value_labels=labels)
    bare = _write(tmp_path / "bare.yaml", SMALL + "covariates: {ethnicity: race}\n")
    with pytest.raises(SourceError, match="column race: 1 and 2 have the same label 'other'; say under 'values' what"):
        import_table(tmp_path / "own.dta", bare)
    named = _write(tmp_path / "told.yaml", SMALL + "covariates: {ethnicity: {column: race, values: {2: mixed}}}\n")
    assert import_table(tmp_path / "own.dta", named).records["ethnicity"].to_list() == ["other", "mixed", "other"]


def test_a_code_with_two_labels_is_refused(tmp_path: Path) -> None:
    frame = pl.DataFrame({"id": ["1"], "year": [2000], "occ": [4], "race": ["01"]})
    labels = {"race": {"01": "White", "1": "Black"}}
    pyreadstat.write_sav(frame, str(tmp_path / "own.sav"), variable_value_labels=labels)  # type: ignore[arg-type]
    with pytest.raises(SourceError, match="column race: code 1 has two labels, 'White' and 'Black'"):
        import_table(tmp_path / "own.sav", _write(tmp_path / "own.yaml", SMALL + "covariates: {ethnicity: race}\n"))


def test_a_file_that_inflates_absurdly_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "LARGEST_TEXT", 2**20)
    header = b"id,year,occ\n1,2000,4\n"
    full = header + b" " * (2**20 - len(header))
    assert len(_import(tmp_path, gzip.compress(full), name="own.csv.gz")) == 1
    with pytest.raises(SourceError, match=r"own.csv.gz inflates to more than 0.000976562 GiB: if it is not a mistake"):
        _import(tmp_path, gzip.compress(full + b" "), name="own.csv.gz")


@pytest.mark.parametrize("name", ["own.csv.gz", "own.parquet", "own.dta", "own.sav", "own.xpt"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_a_torn_file_is_refused(name: str, share: float, mapping: Path, tmp_path: Path) -> None:
    WRITERS[name](tmp_path / name, pl.concat([pl.DataFrame(ROWS)] * 50))
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: int(share * len(whole)) | 1])  # no multiple of a record
    with pytest.raises(SourceError, match=f"{name} is not a readable") as caught:
        import_table(tmp_path / name, mapping)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("cells", [[[4]], [b"4"], [{"a": 4}]], ids=["list", "bytes", "struct"])
def test_cells_that_are_no_text_are_refused(cells: list[object], tmp_path: Path) -> None:
    pl.DataFrame({"id": [1], "year": [2000], "occ": cells}).write_parquet(tmp_path / "own.parquet")
    with pytest.raises(SourceError, match=r"column 'occ' holds .*, which is neither text nor number"):
        import_table(tmp_path / "own.parquet", _write(tmp_path / "own.yaml", SMALL))


def test_tables_of_ones_own_that_are_not_utf8(mapping: Path, tmp_path: Path) -> None:
    WRITERS["own.csv"](tmp_path / "own.csv", pl.DataFrame(ROWS))
    for name, message in (
        ("jobs.csv", "taxonomy jobs.csv, line 2: not UTF-8; save it as 'CSV UTF-8'"),
        ("to_jobs.csv", "crosswalk to_jobs.csv, line 2: not UTF-8"),
    ):
        text = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(text.replace(b"A", b"\xc9", 1))
        with pytest.raises(TaxonomyError, match=message):
            import_table(tmp_path / "own.csv", mapping)
        (tmp_path / name).write_bytes(text)


def test_seed_draws_the_split(tmp_path: Path) -> None:
    rows = "".join(f"{worker},2000,4\n" for worker in range(200))
    path, mapping = _write(tmp_path / "own.csv", f"id,year,occ\n{rows}"), _write(tmp_path / "own.yaml", SMALL)
    first, again, other = (import_table(path, mapping, seed=seed).records["split"].to_list() for seed in (0, 0, 1))
    assert first == again != other


@pytest.mark.parametrize(
    ("content", "mapping", "message"),
    [
        ("id,year\n1,2000\n", SMALL, "own.csv has no column 'occ'; its columns are id, year"),
        ("id,year,occ,occ\n1,2000,4,7\n", SMALL, "own.csv has 2 columns named 'occ': rename or remove one"),
        ("", SMALL, "own.csv is not a readable .csv file"),
        (b"\xff\xfeabc", SMALL, "own.csv, line 1: the bytes are not utf-16"),
        ("id,year,occ\n", SMALL, r"no row is left to make a panel of \(there were none\)"),
        ("id,year,occ\n1,2000,\n", SMALL, r"no row is left to make a panel of \(1 occupation missing\)"),
        ("id,year,occ\n1,2000,zz\n", SMALL, r"none of the 1 occupation codes is in taxonomy occ1990dd"),
        (
            "id,year,occ\n1,68,4\n",
            SMALL,
            r"year: not a year from 1900 to 2100: a value in 1 row, the first in row 1$",
        ),
        (
            "id,year,occ\n1,may,4\n",
            SMALL,
            r"year: not a year from 1900 to 2100: a value in 1 row, the first in row 1$",
        ),
        ("id,year,occ\n1,2000.5,4\n", SMALL, "column year: not a year from 1900 to 2100: a value in 1 row"),
        (b"id,year,occ\n1,2000,\x00\n", SMALL, "own.csv is not a text file"),
        (
            "id,year,occ\n1,2000,4,5,6\n",
            SMALL,
            "own.csv, line 2: 5 cells, but the first line names 3 columns; put a cell",
        ),
        (
            "id,year,occ,sex\n1,2000,4,3\n",
            SMALL + "covariates: {gender: sex}\n",
            r"column sex: the mapping must list, under 'values' or 'missing', a value in 1 row, the first in row 1$",
        ),
        (
            "id,year,occ,lfs\n1,2000,4,1\n2,2000,4,5\n3,2000,4,5\n",
            SMALL + "status: {column: lfs, values: {1: employed}}\n",
            r"column lfs: the mapping must list, under 'values' or 'missing', a value in 2 rows, the first in row 2$",
        ),
        (
            "id,year,occ,w\n1,2000,4,heavy\n",
            SMALL + "weight: w\n",
            r"column w: not a number: a value in 1 row, the first in row 1$",
        ),
        (
            "id,year,occ,born\n1,2000,4,80\n",
            SMALL + "covariates: {birth_year: born}\n",
            r"column born: not a year from 1900 to 2100: a value in 1 row, the first in row 1$",
        ),
    ],
)
def test_bad_tables(content: str | bytes, mapping: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=message) as caught:
        _import(tmp_path, content, mapping)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["own.parquet", "own.dta", "own.sav", "own.sas7bdat", "own.xpt", "own.csv.gz"])
@pytest.mark.parametrize("content", [b"", b"not what the name says" * 50], ids=["empty", "garbage"])
def test_a_file_that_is_not_what_its_name_says(name: str, content: bytes, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=f"{name} is not a readable") as caught:
        _import(tmp_path, content, name=name)
    assert "\n" not in str(caught.value)


def test_unknown_ending(tmp_path: Path) -> None:
    with pytest.raises(
        SourceError,
        match=r"own.xlsx: cannot read this kind of file; save the sheet as .csv, or use one of .csv, .* .sas7bdat",
    ):
        _import(tmp_path, "id", name="own.xlsx")


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"no file at .*absent.csv"):
        import_table(tmp_path / "absent.csv", _write(tmp_path / "own.yaml", SMALL))


def test_a_doubled_worker_year_is_an_error(tmp_path: Path) -> None:
    message = r"several rows for one worker and year \(2 of 3 rows share one\): say in .* .row_of_year: {rule: last"
    with pytest.raises(SourceError, match=message):
        _import(tmp_path, "id,year,occ\n1,2000,4\n1,2000,7\n2,2000,7\n")


def test_crosswalk_to_another_taxonomy(tmp_path: Path) -> None:
    mapping = SMALL.replace("occ1990dd", "nlswork").replace(
        "occupation: occ", "occupation: {column: occ, crosswalk: census1990}"
    )
    with pytest.raises(SourceError, match="crosswalk census1990 leads to occ1990dd, not to taxonomy nlswork"):
        _import(tmp_path, "id,year,occ\n1,2000,4\n", mapping)


@pytest.mark.parametrize("wrong", ["taxonomy: occ1990", "taxonomy: absent.csv"])
def test_unknown_taxonomy(wrong: str, tmp_path: Path) -> None:
    with pytest.raises(TaxonomyError):
        _import(tmp_path, "id,year,occ\n1,2000,4\n", SMALL.replace("taxonomy: occ1990dd", wrong))


ROW = st.fixed_dictionaries(
    {
        "id": st.sampled_from(["1", "2", "03", ""]),
        "occ": st.sampled_from(["4", "004", "7.0", "xyz", "9999", "-5", "", "unemployed"]),
        "lfs": st.sampled_from(["1", "2", "9", "", "-5"]),
    }
)
COUNTED = (
    SMALL.replace("occupation: occ", "occupation: {column: occ, missing: [9999]}")
    + "states: [unemployed]\nmissing: [-5]\nstatus: {column: lfs, values: {1: employed, 2: unemployed}}\n"
    + "leave_out:\n  asked to: {column: lfs, values: [9]}\n"
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(st.lists(ROW, max_size=12))
def test_every_row_is_a_record_or_counted(tmp_path: Path, rows: list[dict[str, str]]) -> None:
    rows = [{"id": "1", "occ": "4", "lfs": "1"}, *rows]  # no panel is empty, and one without a known code is refused
    fates = [_fate(row) for row in rows]
    with (tmp_path / "own.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "year", "occ", "lfs"])
        writer.writerows([row["id"], 1950 + number, row["occ"], row["lfs"]] for number, row in enumerate(rows))
    panel = import_table(tmp_path / "own.csv", _write(tmp_path / "own.yaml", COUNTED))
    assert panel.provenance.left_out == Counter(fate for fate in fates if not fate.startswith("="))
    kept = sorted((row["id"], 1950 + n, fates[n][1:]) for n, row in enumerate(rows) if fates[n].startswith("="))
    assert panel.records.select("worker", "year", "occupation").rows() == kept
    assert panel.provenance.rows_in == len(rows) == len(panel) + sum(panel.provenance.left_out.values())


def _fate(row: dict[str, str]) -> str:
    """What a reader of the mapping file expects of a row: '=' and its occupation, or why it is left out."""
    if row["lfs"] == "9":
        return "asked to"
    if row["id"] == "":
        return "worker missing"
    if row["lfs"] in ("", "-5"):
        return "status missing"
    if row["lfs"] == "2":
        return "=unemployed"
    named = {"": "occupation missing", "-5": "occupation missing", "9999": "occupation uncodable"}
    if row["occ"] in named:
        return named[row["occ"]]
    codes = {"4": "=4", "004": "=4", "7.0": "=7", "unemployed": "=unemployed"}
    return codes.get(row["occ"], "occupation code not in taxonomy")
