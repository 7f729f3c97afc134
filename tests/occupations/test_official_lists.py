"""The shipped crosswalks against the official code lists they start from. Skipped where the lists are not."""

import json
import re
from pathlib import Path

import polars as pl
import pyreadstat
import pytest

from laborllm.occupations import load_crosswalk, load_groups, load_taxonomy
from laborllm.occupations.crosswalk import normal_code

LISTS = Path(__file__).parents[3] / "shared" / "data" / "occupations"
LIST_2002 = "2002-census-occupation-codes.xls"
LIST_2010 = "2010-occ-codes-with-crosswalk-from-2002-2011.xls"
UNEMPLOYED = "9920"

HEALTH = dict.fromkeys(("3410", "3420", "3421", "3422", "3423", "3424", "3430"), "208")
CORRECTED = HEALTH | {"3840": "423"}  # where the shipped tables differ from the published ones
BY_TITLE = {"199", "475", "865"}  # occupations in the group that their own title names

pytestmark = pytest.mark.skipif(not LISTS.is_dir(), reason="the official lists are not here")


def census_list(file: str, sheet: str) -> dict[str, str]:
    """Census code -> SOC code, or "none", of a Census Bureau list with the two in its third and fourth column."""
    rows = pl.read_excel(LISTS / file, sheet_name=sheet, has_header=False, infer_schema_length=0).rows()
    return {normal_code(row[2]): row[3].strip() for row in rows if re.fullmatch(r" *\d{4} *", row[2] or "")}


@pytest.fixture(scope="module")
def list_2002() -> dict[str, str]:
    return census_list(LIST_2002, "Occ Codes")


@pytest.fixture(scope="module")
def list_2010() -> dict[str, str]:
    return census_list(LIST_2010, "2010OccCodeList")


@pytest.fixture(scope="module")
def list_2018() -> dict[str, str]:
    entries = json.loads((LISTS / "soc_census_xwalk.json").read_text())
    return {normal_code(entry["cenocc"]): entry["soc"] for entry in entries}


def ipums_1990(census2000: str) -> set[str]:
    """The OCC1990 codes that IPUMS gives a Census 2000 code of three digits."""
    table = pl.read_excel(LISTS / "occ1990_xwalk.xls", has_header=False, infer_schema_length=0)
    columns = [pl.col(f"column_{number}").str.strip_chars() == census2000 for number in (7, 8, 9, 10)]
    return set(table.filter(pl.any_horizontal(columns))["column_0"])


def test_2002_follows_its_rule(list_2002: dict[str, str]) -> None:
    tables = {name: load_crosswalk(name) for name in ("census1990", "census2000", "census2002", "census2010")}
    assert set(list_2002) - set(tables["census2002"].pairs) == {UNEMPLOYED}
    for code in tables["census2002"].pairs:
        expected = tables["census2000"](code[:-1]) or tables["census2010"](code)
        if expected is None:
            (occ1990,) = ipums_1990(code[:-1])
            expected = tables["census1990"](occ1990)
        expected = CORRECTED.get(code, expected)
        assert tables["census2002"](code) == expected, code


def test_2010_covers_the_list(list_2010: dict[str, str]) -> None:
    """All but other life scientists: what the published table leaves out has the target of its neighbours."""
    tables = {name: load_crosswalk(name) for name in ("census2002", "census2010", "census2018")}
    assert set(list_2010) - set(tables["census2010"].pairs) == {"1660", UNEMPLOYED}
    for code in list_2010:
        targets = {target for crosswalk in tables.values() if (target := crosswalk(code))}
        assert len(targets) <= 1, code
    assert {code: tables["census2010"](code) for code in ("3420", "3840")} == {"3420": "208", "3840": "423"}


def test_technicians_of_health_are_where_onet_has_them(list_2018: dict[str, str]) -> None:
    rows, _ = pyreadstat.read_dta(str(LISTS / "onet_to_occ1990dd.dta"), output_format="polars")
    theirs = rows.filter(pl.col("onetsoccode").str.contains(r"29-205[1-6]"))["occ1990dd"]
    assert theirs.len() > 4
    assert set(theirs.cast(pl.Int64).cast(pl.String)) == {"208"}
    for name in ("census2000", "census2002", "census2010", "census2018"):
        crosswalk = load_crosswalk(name)
        assert {crosswalk(code) for code in (*HEALTH, "341") if crosswalk(code)} == {"208"}


def test_2018_covers_the_list_and_keeps_what_did_not_change(
    list_2010: dict[str, str], list_2018: dict[str, str]
) -> None:
    old, new = load_crosswalk("census2010"), load_crosswalk("census2018")
    assert set(list_2018) - set(new.pairs) == {"1660", UNEMPLOYED}
    unchanged = [code for code, soc in list_2018.items() if list_2010.get(code) == soc and old(code) and soc != "none"]
    assert len(unchanged) > 350
    assert {code: new(code) for code in unchanged} == {code: old(code) for code in unchanged}
    assert {new(code) for code, soc in list_2018.items() if soc.startswith("55")} == {"905"}


def test_2018_mostly_agrees_with_onet(list_2018: dict[str, str]) -> None:
    """An independent table of nearly the same classification, which agrees with the 2010 table for 93 in 100."""
    rows, _ = pyreadstat.read_dta(str(LISTS / "onet_to_occ1990dd.dta"), output_format="polars")
    theirs: dict[str, set[str]] = {}
    for row in rows.drop_nulls("occ1990dd").iter_rows(named=True):
        theirs.setdefault(row["onetsoccode"][:7], set()).add(str(int(row["occ1990dd"])))
    ours = load_crosswalk("census2018")
    agree = [ours(code) in theirs[soc] for code, soc in list_2018.items() if soc in theirs and ours(code)]
    assert len(agree) > 250
    assert sum(agree) > 0.9 * len(agree)


def test_groups_are_those_of_most_occupations(list_2010: dict[str, str], list_2018: dict[str, str]) -> None:
    taxonomy = load_taxonomy("occ1990dd")
    group_of = dict(zip(taxonomy.codes, load_groups("soc2018", taxonomy), strict=True))
    titles = load_taxonomy("soc2018")
    votes: dict[str, list[str]] = {}
    for name, codes in (("census2010", list_2010), ("census2018", list_2018)):
        crosswalk = load_crosswalk(name)
        for code, soc in codes.items():
            target = crosswalk(code)
            if target and soc != "none":
                votes.setdefault(target, []).append(titles.title(soc[:2]))
    assert len(votes) > 320
    for code, groups in votes.items():
        assert code in BY_TITLE or groups.count(group_of[code]) == max(map(groups.count, groups)), taxonomy.title(code)
