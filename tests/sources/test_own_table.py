"""Tables of one's own: what is missing, which row of a year counts, spellings, own columns, numbers as written."""

from collections import Counter
from pathlib import Path

import pandas as pd
import polars as pl
import pyreadstat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from laborllm.errors import PanelError, SourceError
from laborllm.panel import Panel
from laborllm.sources import import_table
from laborllm.sources.formats import raw_table
from laborllm.sources.spellings import WORDS, panel_word

SMALL = "dataset: OWN\ntaxonomy: occ1990dd\nworker: id\nyear: year\noccupation: occ\n"
FUZZ = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)


def imported(tmp_path: Path, content: str | bytes, mapping: str = SMALL, **options: str) -> Panel:
    (tmp_path / "own.csv").write_bytes(content.encode() if isinstance(content, str) else content)
    (tmp_path / "own.yaml").write_text(mapping)
    return import_table(tmp_path / "own.csv", tmp_path / "own.yaml", **options)  # type: ignore[arg-type]


MISSING = ["NA", "na", "N/A", "n/a", "NaN", "NULL", "<NA>", "None", ".", ".a", ".Z", "._", "..", r"\N", "-", "?", "-9"]


@pytest.mark.parametrize("missing", [*MISSING, "#VALUE!", "#N/A", "#DIV/0!"])
def test_missing_is_missing_in_every_column(missing: str, tmp_path: Path) -> None:
    columns = ["id", "year", "occ", "lfs", "sex", "born", "w", "hh"]
    row = ["1", "2000", "4", "1", "male", "1970", "1.5", "7"]
    mapping = SMALL + (
        "missing: [-9]\nstatus: {column: lfs, values: {1: employed}}\n"
        "covariates: {gender: sex, birth_year: born}\nweight: w\ncolumns: {household: hh}\n"
    )
    lines = [[*row[:place], missing, *row[place + 1 :]] for place in range(len(row))]
    for number, line in enumerate(lines):
        line[0] = line[0] if number == 0 else str(number)
    panel = imported(tmp_path, "\n".join(",".join(line) for line in [columns, *lines]), mapping)
    assert panel.provenance.left_out == {
        "worker missing": 1,
        "year missing": 1,
        "status missing": 1,
        "occupation missing": 1,
    }
    found = panel.records.select("worker", "gender", "birth_year", "weight", "household").rows()
    assert found == [
        ("4", None, 1970, 1.5, 7),
        ("5", "male", None, 1.5, 7),
        ("6", "male", 1970, None, 7),
        ("7", "male", 1970, 1.5, None),
    ]


@pytest.mark.parametrize("word", ["none", "Unknown", "MISSING", "not available"])
def test_a_word_for_nothing_names_no_worker_and_no_year_but_may_be_an_answer(word: str, tmp_path: Path) -> None:
    content = f"id,year,occ,edu,born,w\n{word},2000,4,x,1970,1\n1,{word},4,x,1970,1\n2,2000,4,{word},{word},{word}\n"
    panel = imported(tmp_path, content, SMALL + "covariates: {education: edu, birth_year: born}\nweight: w\n")
    assert panel.provenance.left_out == {"worker missing": 1, "year missing": 1}
    assert panel.records.select("education", "birth_year", "weight").rows() == [(word.lower(), None, None)]


def test_what_may_be_missing_may_be_given_a_meaning(tmp_path: Path) -> None:
    content = "id,year,occ,land\n1,2000,4,NA\n2,2000,4,ZA\nNa,2000,4,ZA\n"
    mapping = SMALL + "columns: {land: {column: land, values: {NA: Namibia, ZA: South Africa}}}\n"
    panel = imported(tmp_path, content, mapping)
    assert panel.records.select("worker", "land").rows() == [
        ("1", "Namibia"),
        ("2", "South Africa"),
        ("Na", "South Africa"),
    ]


def test_a_number_that_means_missing_may_still_name_a_worker(tmp_path: Path) -> None:
    content = "id,year,occ\n9,2000,4\n0,2000,4\n1,2000,8\n"
    panel = imported(tmp_path, content, SMALL + "missing: [9]\n")
    assert panel.records["worker"].to_list() == ["0", "1", "9"]
    panel = imported(tmp_path, content, SMALL.replace("worker: id", "worker: {column: id, missing: [0]}"))
    assert panel.records["worker"].to_list() == ["1", "9"]
    assert panel.provenance.left_out == {"worker missing": 1}


def test_values_may_give_a_meaning_to_what_else_is_missing(tmp_path: Path) -> None:
    mapping = SMALL + "covariates: {region: {column: land, values: {NA: north america}}}\n"
    assert imported(tmp_path, "id,year,occ,land\n1,2000,4,NA\n", mapping).records["region"].to_list() == [
        "north america"
    ]


MONTHLY = SMALL + "row_of_year: {rule: RULE, order: month}\n"


@pytest.mark.parametrize(
    ("rule", "occupation"), [("last", "7"), ("first", "4"), ("most", "8")], ids=["last", "first", "most"]
)
def test_a_row_of_each_year_counts(rule: str, occupation: str, tmp_path: Path) -> None:
    rows = "1,2010,2,8\n1,2010,10,7\n1,2010,1,4\n1,2010,3,8\n1,2010,12,\n1,2011,1,8\n2,2010,6,4\n"
    panel = imported(tmp_path, f"id,year,month,occ\n{rows}", MONTHLY.replace("RULE", rule))
    assert panel.records.select("worker", "year", "occupation").rows() == [
        ("1", 2010, occupation),
        ("1", 2011, "8"),
        ("2", 2010, "4"),
    ]
    assert panel.provenance.left_out == {"another row of the year counts": 3, "occupation missing": 1}


MONTH = st.fixed_dictionaries(
    {"id": st.sampled_from("12"), "year": st.sampled_from([2000, 2001]), "month": st.integers(1, 12)}
    | {"occ": st.sampled_from(["4", "7", "8", ""])}
)


@FUZZ
@given(rows=st.lists(MONTH, max_size=15, unique_by=lambda row: (row["id"], row["year"], row["month"])), data=st.data())
def test_which_row_counts_against_python(rows: list[dict], data: st.DataObject, tmp_path: Path) -> None:  # type: ignore[type-arg]
    rows = [{"id": "0", "year": 2000, "month": 1, "occ": "4"}, *rows]
    rule = data.draw(st.sampled_from(["last", "first", "most"]))
    years: dict[tuple[str, int], list[tuple[int, str]]] = {}
    for row in rows:
        if row["occ"]:
            years.setdefault((row["id"], row["year"]), []).append((row["month"], row["occ"]))
    expected = []
    for key, months in sorted(years.items()):
        months.sort()
        times = Counter(occupation for _, occupation in months)
        often = [occupation for _, occupation in months if times[occupation] == max(times.values())]
        expected.append((*key, {"last": months[-1][1], "first": months[0][1], "most": often[-1]}[rule]))
    content = "id,year,month,occ\n" + "".join(
        f"{row['id']},{row['year']},{row['month']},{row['occ']}\n" for row in rows
    )
    panel = imported(tmp_path, content, MONTHLY.replace("RULE", rule))
    assert panel.records.select("worker", "year", "occupation").rows() == expected
    assert panel.provenance.rows_in == len(rows)


def test_open_months_are_one_open_record(tmp_path: Path) -> None:
    rows = "1,2010,1,4\n1,2011,1,\n1,2011,2,\n"
    mapping = MONTHLY.replace("RULE", "last") + "open: true\n"
    panel = imported(tmp_path, f"id,year,month,occ\n{rows}", mapping)
    assert panel.records.select("year", "occupation").rows() == [(2010, "4"), (2011, None)]


@pytest.mark.parametrize(
    ("covariate", "written", "word"),
    [
        ("education", "HS", "high school"),
        ("education", "H.S. Graduate", "high school"),
        ("education", "Bachelor's degree", "college"),
        ("education", "B.A.", "college"),
        ("education", "<HS", "less than high school"),
        ("education", "Some College, no degree", "some college"),
        ("education", "Ph.D.", "graduate degree"),
        ("gender", "F", "female"),
        ("gender", "Men", "male"),
        ("ethnicity", "Black", "black or african american"),
        ("ethnicity", "White, non-Hispanic", "white"),
        ("ethnicity", "Hispanic/Latino", "hispanic"),
        ("ethnicity", "Asian", "asian or pacific islander"),
        ("region", "Midwest", "northcentral"),
        ("region", "North Central", "northcentral"),
    ],
)
def test_common_spellings(covariate: str, written: str, word: str, tmp_path: Path) -> None:
    panel = imported(
        tmp_path,
        f'id,year,occ,x\n1,2000,4,"{written}"\n2,2000,4,"{word}"\n',
        SMALL + f"covariates: {{{covariate}: x}}\n",
    )
    assert panel.records[covariate].to_list() == [word, word]
    assert panel.provenance.notes[f"{covariate} read"] == f"{written.lower()!r} as {word!r} (1 row)"


SURVEYS = {
    "education": {
        "less than high school": "LESS THAN 1ST GRADE | 1ST,2ND,3RD,OR 4TH GRADE | 5TH OR 6TH GRADE | "
        "7TH OR 8TH GRADE | 9TH GRADE | 10TH GRADE | 11TH GRADE | 12TH GRADE NO DIPLOMA | No schooling completed | "
        "Lt high school | Kindergarten | Grade 8 | Nursery school, preschool | Grades 1, 2, 3, or 4 | Grades 7 or 8 | "
        "None or preschool | 12th grade - no diploma | Nursery school to grade 4 | Grade 5, 6, 7, or 8",
        "high school": "HIGH SCHOOL GRAD-DIPLOMA OR EQUIV (GED) | Regular high school diploma | Grade 12 | "
        "GED or alternative credential | High school diploma or equivalent",
        "some college": "SOME COLLEGE BUT NO DEGREE | ASSOCIATE DEGREE-OCCUPATIONAL/VOCATIONAL | "
        "ASSOCIATE DEGREE-ACADEMIC PROGRAM | Some college, but less than 1 year | Associate's degree | "
        "1 or more years of college credit, no degree | Associate\u2019s degree, academic program | 2 years of college",
        "college": "BACHELOR'S DEGREE (EX: BA, AB, BS) | Bachelor's degree | 4 years of college | Bachelor",
        "graduate degree": "MASTER'S DEGREE (EX: MA, MS, MEng, MEd, MSW) | Doctorate degree | 5+ years of college | "
        "PROFESSIONAL SCHOOL DEG (EX: MD, DDS, DVM) | DOCTORATE DEGREE (EX: PhD, EdD) | Professional school degree | "
        "Professional degree beyond a bachelor's degree | Graduate",
    },
    "ethnicity": {
        "white": "White only | White alone | White",
        "black or african american": "Black only | Black or African American alone | Black/African American",
        "asian or pacific islander": "Asian only | Chinese | Other Asian or Pacific Islander | "
        "Hawaiian/Pacific Islander only",
        "american indian or alaska native": "American Indian, Alaskan Native Only | American Indian/Aleut/Eskimo",
        "other": "Two major races | Three or more major races | Some other race",
    },
    "region": {
        "northeast": "Northeast Region | New England Division | Middle Atlantic Division",
        "northcentral": "Midwest Region | East North Central Div. | West North Central Div.",
        "south": "South Region | South Atlantic Division | East South Central Div. | West South Central Div.",
        "west": "West Region | Mountain Division | Pacific Division",
    },
}
"""Labels of the Current Population Survey, the American Community Survey and their versions of IPUMS."""


@pytest.mark.parametrize("covariate", SURVEYS)
def test_labels_of_large_surveys(covariate: str) -> None:
    labels = {label: word for word, listed in SURVEYS[covariate].items() for label in listed.split(" | ")}
    assert {label: panel_word(covariate, label) for label in labels} == labels


def test_words_of_ones_own_are_kept_and_noted(tmp_path: Path) -> None:
    mapping = SMALL + "covariates: {education: {column: e, values: {1: HS}}}\n"
    panel = imported(tmp_path, "id,year,occ,e\n1,2000,4,HS\n".replace("HS", "1"), mapping)
    assert panel.records["education"].to_list() == ["HS"]  # as the mapping file says
    panel = imported(
        tmp_path,
        "id,year,occ,e\n1,2000,4,Gibberish\n2,2000,4,GED\n3,2000,4,HS\n",
        SMALL + "covariates: {education: e}\n",
    )
    assert panel.records["education"].to_list() == ["gibberish", "high school", "high school"]
    assert panel.provenance.notes["education in words of its own"] == "'gibberish' (1 row)"


@pytest.mark.parametrize("covariate", WORDS)
def test_no_spelling_has_two_words(covariate: str) -> None:
    spellings = [text for word, listed in WORDS[covariate].items() for text in (word, *listed.split(", "))]
    assert len(spellings) == len(set(spellings))
    for word, listed in WORDS[covariate].items():
        assert {panel_word(covariate, text) for text in (word, *listed.split(", "))} == {word}


def test_own_columns(tmp_path: Path) -> None:
    mapping = SMALL + "columns: {household: hh, wage: w, industry: {column: i, values: {1: farms, 2: null}}, area: a}\n"
    rows = "1,2000,4,12,7.5,1,007\n2,2000,4,NA,8,2,010\n"
    panel = imported(tmp_path, f"id,year,occ,hh,w,i,a\n{rows}", mapping)
    assert panel.columns == ("area", "household", "industry", "wage")
    found = panel.records.select("household", "wage", "industry", "area").rows()
    assert found == [(12, 7.5, "farms", "007"), (None, 8.0, None, "010")]
    listed = imported(tmp_path, f"id,year,occ,hh,w,i,a\n{rows}", SMALL + "columns: [hh, w]\n")
    assert listed.records.select("hh", "w").rows() == [(12, 7.5), (None, 8.0)]


def test_own_columns_keep_their_labels(tmp_path: Path) -> None:
    frame = pl.DataFrame({"id": [1, 2], "year": [2000] * 2, "occ": [4] * 2, "i": [1, 2], "w": [5, 9]})
    labels = {"i": {1: "Farms", 2: "Mines"}, "w": {9: "top code"}}
    pyreadstat.write_dta(frame, str(tmp_path / "own.dta"), variable_value_labels=labels)  # type: ignore[arg-type]
    (tmp_path / "own.yaml").write_text(SMALL + "columns: [i, w]\n")
    panel = import_table(tmp_path / "own.dta", tmp_path / "own.yaml")
    assert panel.records.select("i", "w").rows() == [("Farms", 5), ("Mines", 9)]


def test_a_split_by_household(tmp_path: Path) -> None:
    rows = "".join(f"{worker},2000,4,{worker // 3}\n" for worker in range(300))
    panel = imported(tmp_path, f"id,year,occ,hh\n{rows}", SMALL + "columns: {household: hh}\n")
    assert panel.split_by == "household"
    assert panel.records.group_by("household").agg(pl.col("split").n_unique())["split"].to_list() == [1] * 100
    by_worker = imported(tmp_path, f"id,year,occ,hh\n{rows}", SMALL + "columns: {household: hh}\n", split_by="worker")
    alone = imported(tmp_path, f"id,year,occ,hh\n{rows}", SMALL)
    assert by_worker.split_by == alone.split_by == "worker"
    assert by_worker.records["split"].to_list() == alone.records["split"].to_list()
    with pytest.raises(PanelError, match="no such column: use one of worker, occupation, year"):
        imported(tmp_path, f"id,year,occ,hh\n{rows}", SMALL, split_by="household")


@pytest.mark.parametrize(
    ("entries", "written", "number"),
    [
        ("", "1234.5", 1234.5),
        ('decimal: ","\n', "1234,5", 1234.5),
        ('decimal: ","\nthousands: "."\n', "1.234,5", 1234.5),
        ('thousands: ","\n', "1,234,567.25", 1234567.25),
        ('thousands: ","\n', "1e3", 1000.0),
        ('thousands: " "\ndecimal: ","\n', "1 234,5", 1234.5),
        ('thousands: "\'"\n', "1'234", 1234.0),
    ],
)
def test_numbers_as_they_are_written(entries: str, written: str, number: float, tmp_path: Path) -> None:
    mapping = SMALL + f"weight: w\ncolumns: {{wage: w}}\n{entries}"
    panel = imported(tmp_path, f"id;year;occ;w\n1;2000;4;{written}\n", mapping)
    assert panel.records.select("weight", "wage").row(0) == (number, number)


@pytest.mark.parametrize(("entries", "written"), [("", "1,5"), ('decimal: ","\n', "1.5"), ('thousands: ","\n', "1,23")])
def test_a_number_in_another_form_is_no_number(entries: str, written: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"column w: not a number \(for decimal commas .* 'decimal' or 'thousands'"):
        imported(tmp_path, f"id;year;occ;w\n1;2000;4;{written}\n", SMALL + f"weight: w\n{entries}")


def test_a_code_page(tmp_path: Path) -> None:
    content = "id,year,occ,land\n1,2000,4,Łódź\n".encode("windows-1250")
    panel = imported(tmp_path, content, SMALL + "encoding: windows-1250\ncovariates: {region: land}\n")
    assert panel.records["region"].to_list() == ["łódź"]
    assert panel.provenance.notes["encoding"] == "windows-1250"


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("columns: {year: x}", "'year' cannot be a column of one's own"),
        ("columns: {a b: x}", "'a b' cannot be a column of one's own: use letters, figures and _"),
        ("columns: 3", "own.yaml: columns: expected lines of 'name: value', found '3'"),
        ("row_of_year: last", "row_of_year: expected lines of 'name: value'"),
        ("row_of_year: {rule: middle, order: m}", "unknown rule 'middle'; use last, first, most"),
        ("decimal: ;", "unknown decimal ';'; use ., ,"),
        ('decimal: ","\nthousands: ","', "decimal and thousands are both ','"),
        ("encoding: utf-99", "unknown encoding 'utf-99'"),
        ('missing: ["a\\eb"]\nweight: "a\\eb"', "weight: column must be a plain line, without control characters"),
    ],
)
def test_entries_that_cannot_be_used(entry: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError) as caught:
        imported(tmp_path, "id,year,occ\n1,2000,4\n", f"{SMALL}{entry}\n")
    assert message in str(caught.value)
    assert str(caught.value).isprintable()


def test_a_small_file_that_claims_many_rows_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raw_table, "LARGEST_TABLE", 2_999)
    frame = pd.DataFrame({"id": [1.0] * 1000, "year": [2000.0] * 1000, "occ": [4.0] * 1000})
    (tmp_path / "own.yaml").write_text(SMALL)
    for name, write in (("own.dta", pyreadstat.write_dta), ("own.sav", pyreadstat.write_sav)):
        write(frame, tmp_path / name)
        with pytest.raises(SourceError, match=rf"{name} holds 1,000 rows: tables of more than 2,999 cells"):
            import_table(tmp_path / name, tmp_path / "own.yaml")


def test_what_steers_a_terminal_is_left_out_of_cells_and_names(tmp_path: Path) -> None:
    content = "id,year,occ,s\x1b[2J,land\n1\x07,2000,4,x,a\x1b[31mb\u202ec\n"
    panel = imported(tmp_path, content, SMALL + "covariates: {region: land}\n")
    assert panel.records.select("worker", "region").row(0) == ("1", "a [31mb c")
    with pytest.raises(SourceError) as caught:
        imported(tmp_path, content, SMALL + "covariates: {region: no}\n")
    assert str(caught.value).isprintable()


def test_the_documentation_lists_every_spelling() -> None:
    page = Path(__file__).parents[2] / "docs" / "how-to" / "sources" / "table.md"
    rows = [f"| `{name}` | {word} | {listed} |" for name, words in WORDS.items() for word, listed in words.items()]
    assert "\n".join(rows) in page.read_text()
