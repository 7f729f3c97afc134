"""Settings of a mapping file, which row of a year counts, and how rows are accounted for: by hand, for any rows."""

from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from laborllm.errors import SourceError
from laborllm.occupations import Taxonomy
from laborllm.panel import Provenance
from laborllm.sources.covariates import CENSUS_REGIONS, SEXES, education_of_grade, named
from laborllm.sources.row_counts import answered, count_codes, coverage, finish_panel, require_rows
from laborllm.sources.row_of_year import OTHER_ROW, RULES, RowOfYear, leave_one_row
from laborllm.sources.section import Section, require_one_of

TAXONOMY = Taxonomy.from_occupations("own", [("1", "Cooks", "All"), ("2", "Clerks", "All")])
Row = dict[str, Any]


def section(text: str, tmp_path: Path) -> Section:
    (tmp_path / "own.yaml").write_text(text)
    return Section.load(tmp_path / "own.yaml")


def test_every_scalar_is_text(tmp_path: Path) -> None:
    """YAML would read no, 010, 1.0 and a date as something else."""
    found = section("a: no\nb: 010\nc: [1.0, 2001-01-01]\nd: {x: yes}\n", tmp_path)
    assert (found.text("a"), found.text("b"), found.texts("c")) == ("no", "010", ["1.0", "2001-01-01"])
    assert found.section("d", ["x"]).text("x") == "yes"
    assert "a" in found
    assert "e" not in found
    assert found.text("e", "as said") == "as said"
    assert found.texts("e") == []
    assert found.recoding("e") is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a\n", "expected lines of 'name: value', found a list"),
        ("", "expected lines of 'name: value', found nothing"),
        ("just text\n", "expected lines of 'name: value', found 'just text'"),
        ("a: 1\na: 2\n", "is not readable YAML: line 2 gives the entry 'a' a second time"),
        ("a: [1\n", "is not readable YAML"),
        ("a: &x 1\nb: *y\n", "is not readable YAML"),
        (f"a: 1\nb: [2, {'x' * 1001}]\n", "line 2 has a text of 1,001 letters, where 1,000 is the most"),
        (f"a:\n  ? {'x' * 10**6}\n  : 1\n", "line 2 has a text of 1,000,000 letters, where 1,000 is the most"),
    ],
)
def test_a_file_that_holds_no_settings(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=message):
        section(text, tmp_path)


def test_a_file_that_is_not_there_or_no_text(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no plan file at"):
        Section.load(tmp_path / "absent.yaml", "plan")
    (tmp_path / "bad.yaml").write_bytes(b"a: \xff\xfe\n")
    with pytest.raises(SourceError, match=r"bad\.yaml is not readable YAML"):
        Section.load(tmp_path / "bad.yaml")


@pytest.mark.parametrize(
    ("text", "key", "message"),
    [
        ("a: [1]\n", "a", "own.yaml: a must be a text, not a list"),
        ("a: {b: 1}\n", "a", "a must be a text, not lines of 'name: value'"),
        ("a:\n", "a", "a must be a text, not nothing"),
        ("a: ~\n", "a", "a must be a text, not nothing"),
        ("b: 1\n", "a", "a must be a text, not nothing"),
        ('a: "x\\ty"\n', "a", "a must be a plain line, without control characters"),
    ],
)
def test_what_is_no_text(text: str, key: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=message):
        section(text, tmp_path).text(key)


def test_lists_codes_and_choices(tmp_path: Path) -> None:
    found = section("codes: [0010, 7, A]\nrule: last\nwrong: {a: 1}\nnested: [[1]]\n", tmp_path)
    assert found.codes("codes") == {"10", "7", "A"}
    assert found.one_of("rule", RULES) == "last"
    assert found.one_of("other", RULES, "first") == "first"
    with pytest.raises(SourceError, match=r"own\.yaml: unknown rule 'last'; use a, b"):
        found.one_of("rule", ["a", "b"])
    for key, shown in (("wrong", "lines of 'name: value'"), ("rule", "'last'"), ("nested", "a list")):
        with pytest.raises(SourceError, match=rf"{key} must be a list such as \[1, 2\], not {shown}"):
            found.texts(key)
    with pytest.raises(SourceError, match=r"own\.yaml: unknown column 'c'; use a, b"):
        require_one_of(found, "column", "c", ["a", "b"])


def test_sections_within_say_where_they_stand(tmp_path: Path) -> None:
    found = section("worker: id\ngender: {column: sex, colour: red}\nyear: {missing: [9]}\n", tmp_path)
    assert found.section("worker", ["column"], ["missing"]).content == {"column": "id"}
    with pytest.raises(SourceError, match=r"own\.yaml: gender: unknown entry 'colour'; use column, values"):
        found.section("gender", ["column"], ["values"])
    with pytest.raises(SourceError, match=r"own\.yaml: year: the entry 'column' is missing"):
        found.section("year", ["column"], ["missing"])
    with pytest.raises(SourceError, match=r"own\.yaml: worker: expected lines of 'name: value', found 'id'"):
        found.section("worker", ["rule"])


def test_values_that_become_others(tmp_path: Path) -> None:
    found = section("a: {1: male, 02: female, 9: ~, 8: }\nb: {1: x, 01: y}\nc: {1: [x]}\nd: male\n", tmp_path)
    assert found.recoding("a") == {"1": "male", "2": "female", "9": None, "8": None}
    with pytest.raises(SourceError, match=r"own\.yaml: b: the value 01 is listed twice"):
        found.recoding("b")
    with pytest.raises(SourceError, match=r"own\.yaml: c: 1 must become a text, not a list"):
        found.recoding("c")
    with pytest.raises(SourceError, match=r"own\.yaml: d: expected lines of 'name: value', found 'male'"):
        found.recoding("d")


@st.composite
def months(draw: st.DrawFn) -> list[Row]:
    """Rows of two workers in two years, by month; some have a reason to be left out already, some no month."""
    rows = []
    for _ in range(draw(st.integers(1, 14))):
        month = draw(st.sampled_from(["1", "2", "10", "11", None]))
        row = {"worker": draw(st.sampled_from("ab")), "year": draw(st.sampled_from([2000, 2001])), "order": month}
        rows.append(
            row | {"occupation": draw(st.sampled_from("xyz")), "left_out": draw(st.sampled_from([None, None, "gone"]))}
        )
    return rows


def kept_by_hand(rows: list[Row], rule: str) -> set[int]:
    """The places of the rows that count: last, first, or last of the most frequent occupation. No month comes first."""
    kept = set()
    for key in {(row["worker"], row["year"]) for row in rows}:
        mine = [at for at, row in enumerate(rows) if (row["worker"], row["year"]) == key and row["left_out"] is None]
        if not mine:
            continue
        ordered = sorted(mine, key=lambda at: (rows[at]["order"] is not None, float(rows[at]["order"] or 0), at))
        if rule == "most":
            times = Counter(rows[at]["occupation"] for at in mine)
            ordered.sort(key=lambda at: times[rows[at]["occupation"]])
        kept.add(ordered[0] if rule == "first" else ordered[-1])
    return kept


@pytest.mark.parametrize("rule", RULES)
@given(rows=months())
def test_one_row_of_a_year_counts(rule: str, rows: list[Row]) -> None:
    kinds = {"worker": pl.String, "year": pl.Int64, "order": pl.String, "occupation": pl.String, "left_out": pl.String}
    found = leave_one_row(pl.DataFrame(rows, schema=kinds), RowOfYear(rule, "month"))
    kept = kept_by_hand(rows, rule)
    expected = [None if at in kept else row["left_out"] or OTHER_ROW for at, row in enumerate(rows)]
    assert found["left_out"].to_list() == expected
    assert found.drop("left_out").rows() == [tuple(row[name] for name in kinds if name != "left_out") for row in rows]


def test_several_rows_of_a_year_need_a_rule() -> None:
    rows = pl.DataFrame(
        {"worker": ["a", "a", "b"], "year": [1, 1, 1], "left_out": [None, None, None]},
        schema_overrides={"left_out": pl.String},
    )
    with pytest.raises(
        SourceError, match=r"several rows for one worker and year \(2 of 3 rows share one\): say in the mapping"
    ):
        leave_one_row(rows, None)
    gone = rows.with_columns(left_out=pl.Series(["gone", None, None]))
    assert leave_one_row(gone, None).equals(gone)


@given(st.lists(st.sampled_from(["1", "2", "99", "abc"]), min_size=1, max_size=20))
def test_codes_are_counted_the_most_frequent_first(codes: list[str]) -> None:
    found = count_codes(pl.Series(codes))
    assert found == Counter(codes)
    assert list(found) == sorted(found, key=lambda code: (-found[code], code))
    notes = coverage(found, TAXONOMY.position, [])
    inside = [code for code in found if code in ("1", "2")]
    assert notes["crosswalk"] == "none"
    assert notes["codes mapped"].startswith(
        f"{len(inside)} of {len(found)}, in {sum(found[code] for code in inside)} row"
    )
    for code in found:
        assert (f"{code} ({found[code]} row" in notes["codes not in taxonomy"]) == (code not in inside)


def test_columns_that_somebody_answered() -> None:
    rows = pl.DataFrame({"a": [None, 1], "b": pl.Series([None, None], dtype=pl.Int64), "c": [1, 2]})
    assert answered(rows, ["a", "b", "c"]) == ["a", "c"]


def test_rows_must_add_up() -> None:
    provenance = Provenance("own", rows_in=10, left_out={"no code": 3, "too young": 1})
    require_rows(6, provenance)
    with pytest.raises(SourceError, match="10 rows were read, but 1 are neither kept nor left out"):
        require_rows(5, provenance)
    with pytest.raises(SourceError, match=r"no row is left to make a panel of \(3 no code, 1 too young\)"):
        require_rows(0, Provenance("own", rows_in=4, left_out=provenance.left_out))
    with pytest.raises(SourceError, match=r"no row is left to make a panel of \(there were none\)"):
        require_rows(0, Provenance("own"))


def test_a_panel_is_split_by_household_where_households_are_known() -> None:
    rows = [{"worker": f"w{at}", "year": 2000, "occupation": "1", "household": at // 2} for at in range(60)]
    panel = finish_panel(pl.DataFrame(rows), Provenance("own", rows_in=60), TAXONOMY, "OWN", seed=3)
    assert panel.split_by == "household"
    assert set(panel.records.group_by("household").agg(pl.col("split").n_unique())["split"]) == {1}
    by_worker = finish_panel(
        pl.DataFrame(rows), Provenance("own", rows_in=60), TAXONOMY, "OWN", seed=3, split_by="worker"
    )
    assert by_worker.split_by == "worker"
    assert by_worker.held_out != panel.held_out


@pytest.mark.parametrize(
    ("grade", "words"),
    [(0, "less than high school"), (11, "less than high school"), (12, "high school"), (13, "some college"),
     (15, "some college"), (16, "college"), (17, "graduate degree"), (None, None)],
)  # fmt: skip
def test_years_of_school_in_words(grade: int | None, words: str | None) -> None:
    frame = pl.DataFrame({"grade": [grade]}, schema={"grade": pl.Int64})
    assert frame.select(education_of_grade(pl.col("grade"))).item() == words


def test_numbers_in_words() -> None:
    frame = pl.DataFrame({"sex": [1, 2, 3, None], "region": [4, 1, 0, 2]})
    assert frame.select(named("sex", SEXES))["sex"].to_list() == ["male", "female", None, None]
    assert frame.select(named("region", CENSUS_REGIONS))["region"].to_list() == [
        "west",
        "northeast",
        None,
        "northcentral",
    ]
