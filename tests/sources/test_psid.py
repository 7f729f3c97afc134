"""Extracts of the PSID, made up from known careers in the form of its Data Center, become a panel of those careers."""

import gzip
import html
import re
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from laborllm.errors import LaborLLMError, SourceError
from laborllm.panel import Panel
from laborllm.sources import import_psid
from laborllm.sources.psid.codes import CODINGS
from laborllm.sources.psid.variables import Wave, cart, load_waves
from laborllm.storage import file_hash
from sources.psid_extract import WAVES, Row, Study, invent, waves, write_extract

SHARED = Path(__file__).parents[3] / "shared" / "data" / "psid"


@pytest.fixture(scope="module")
def study() -> Study:
    return invent()


@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("dialect", ["sas", "sps", "do"])
def test_one_cart(dialect: str, newline: str, study: Study, tmp_path: Path) -> None:
    path = write_extract(tmp_path / "J1.txt", study.one_cart(), dialect, newline)
    panel = import_psid([path])
    _require_truth(panel, study)
    assert panel.provenance.files == {file.name: file_hash(file) for file in (path, path.with_suffix(f".{dialect}"))}
    assert (panel.dataset, panel.weight_kind, panel.taxonomy.name) == ("PSID", "sampling", "occ1990dd")
    assert panel.taxonomy.states == ("unemployed", "not_in_labor_force", "in_education")


@pytest.mark.parametrize("seed", [1, 2])
def test_individuals_and_families_apart(seed: int, tmp_path: Path) -> None:
    study = invent(seed)
    paths = [write_extract(tmp_path / f"F{year}.txt", rows, "do") for year, rows in study.families.items()]
    halves = [_only(study.individuals, half) for half in ("early", "late")]
    paths += [write_extract(tmp_path / f"I{number}.txt", half) for number, half in enumerate(halves)]
    _require_truth(import_psid(paths), study)


def _require_truth(panel: Panel, study: Study) -> None:
    assert panel.records.drop("split", "dataset", "household", "wage").rows() == study.records
    assert panel.records["wage"].to_list() == study.wages
    families = [
        int(worker) // 1000 for worker in panel.records["worker"]
    ]  # 1968 number, and three digits of the person
    assert panel.records["household"].to_list() == families
    assert panel.provenance.left_out == study.left_out
    assert panel.provenance.rows_in == len(study.individuals) * len(WAVES)
    assert panel.provenance.notes["waves"] == "1981, 1984, 1990, 2001, 2003, 2015, 2017, 2021"
    lost = panel.provenance.notes["codes not in taxonomy"]
    assert {"census1970 998", "census2002 9970", "census2010 999"} >= set(re.findall(r"(census\d+ \d+) \(", lost))


def _only(rows: list[Row], half: str) -> list[Row]:
    """What individuals say once, and in the waves of one half of the study."""
    once = {"ER30001", "ER30002", "ER32000"}
    names = once.union(*(wave.variables.values() for wave in waves() if (wave.year < 2002) == (half == "early")))
    return [{name: value for name, value in row.items() if name in names} for row in rows]


@pytest.mark.parametrize(
    ("year", "code", "text"),
    [
        (1984, 3, "hispanic"),
        (1990, 3, "american indian or alaska native"),
        (2001, 5, "hispanic"),
        (2015, 5, "asian or pacific islander"),
        (2015, 9, None),
    ],
)
def test_race_codes_change_their_meaning(year: int, code: int, text: str | None, tmp_path: Path) -> None:
    row = _one_head(year, race=code)
    assert import_psid([write_extract(tmp_path / "J.txt", [row])]).records["ethnicity"].to_list() == [text]


def test_the_last_report_of_what_does_not_change_counts(tmp_path: Path) -> None:
    row = _one_head(1990, race=7, birth_year=1950) | _one_head(2001, race=2, birth_year=1951)
    row |= _one_head(2015, race=9, birth_year=9999)
    records = import_psid([write_extract(tmp_path / "J.txt", [row])]).records
    assert records["ethnicity"].to_list() == ["black or african american"] * 3
    assert records["birth_year"].to_list() == [1951] * 3


@pytest.mark.parametrize(
    ("year", "rate", "wage"),
    [(1990, 5.25, 5.25), (1990, 99.98, None), (2015, 99.98, 99.98), (2015, 998, None), (2015, 0, None)],
)
def test_a_rate_that_is_a_code_is_no_wage(year: int, rate: float, wage: float | None, tmp_path: Path) -> None:
    """Next to another who is paid by the hour, so that there are wages at all; no one without work has one."""
    row, other = _one_head(year, wage=rate), _one_head(year, wage=7.5) | {"ER30002": 2}
    idle = _one_head(year, wage=9.5, status=3) | {"ER30002": 4}
    records = import_psid([write_extract(tmp_path / "J.txt", [row, other, idle])]).records
    assert records["wage"].to_list() == [wage, 7.5, None]


def test_covariates_may_be_left_out_of_the_cart(tmp_path: Path) -> None:
    needed = ("sequence", "relation", "status", "occupation")
    row = _one_head(2015)
    bare = {name: row[name] for name in ("ER30001", "ER30002", *_names(2015, needed))}
    panel = import_psid([write_extract(tmp_path / "J.txt", [bare])])
    missing = (None,) * 6
    assert panel.records.drop("split", "dataset").rows() == [("1001", 2015, "276", *missing, 1)]
    assert panel.weight_kind == "none"


def _wave(year: int) -> Wave:
    return next(wave for wave in load_waves() if wave.year == year)


def _name(year: int, role: str, what: str) -> str:
    return _wave(year).variables[role, what]


def _names(year: int, meanings: tuple[str, ...]) -> set[str]:
    return {name for (_, what), name in _wave(year).variables.items() if what in meanings}


def _one_head(year: int, **answers: float) -> Row:
    """A cashier who lives alone."""
    code = {1: 310, 10: 472}[CODINGS[max(since for since in CODINGS if since <= year)].factor]
    row: Row = dict.fromkeys(_wave(year).variables.values(), 0)
    row |= {"ER30001": 1, "ER30002": 1, "ER32000": 2}
    said = {"interview": 5, "sequence": 1, "relation": 10, "status": 1, "occupation": code} | answers
    keys = [(role, what) for role, what in _wave(year).variables if role != "spouse" and what in said]
    return row | {_name(year, *key): said[key[1]] for key in keys}


def _without(row: Row, year: int, role: str, what: str) -> Row:
    return {name: value for name, value in row.items() if name != _name(year, role, what)}


HEAD = _one_head(2015)
FAMILY = {name: HEAD[name] for (role, _), name in _wave(2015).variables.items() if role != "individual"}
PERSON = {name: value for name, value in HEAD.items() if name not in FAMILY}


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (
            [[_without(HEAD, 2015, "spouse", "occupation")]],
            r"variables are missing, 2015: ER60457 \(spouse occupation\): add them to the cart, or leave the year out",
        ),
        ([[_without(HEAD, 2015, "individual", "relation")]], r"2015: ER34303 \(individual relation\)"),
        (
            [[{"ER30001": 1, "ER30002": 1}]],
            "no wave has a status or occupation here",
        ),
        ([[FAMILY], [FAMILY]], "2015: ER34302"),
        (
            [[FAMILY | PERSON | {"ER30001": 2, "ER30002": 2}] * 2],
            r"J0.txt, line 1: a person \(ER30001, ER30002\) has two records",
        ),
        ([[_without(HEAD, 2015, "individual", "interview")]], None),
        (
            [[_without(PERSON, 2015, "individual", "interview")], [FAMILY]],
            "the file of individuals lacks ER34301, the interview number of 2015, which joins persons and families",
        ),
        (
            [[PERSON], [_without(FAMILY, 2015, "family", "interview")]],
            "J1.txt lacks ER60002, the interview number of 2015",
        ),
        (
            [[PERSON], [FAMILY, FAMILY | {_name(2015, "head", "status"): 3}]],
            r"J1.txt, lines 1 and 2: two records of 2015 with the same interview number \(ER\d+\) differ",
        ),
        ([[HEAD | {_name(2015, "individual", "sequence"): 0}]], "no row is left to make a panel of"),
    ],
)
def test_files_that_do_not_fit(files: list[list[Row]], message: str | None, tmp_path: Path) -> None:
    paths = [write_extract(tmp_path / f"J{number}.txt", rows) for number, rows in enumerate(files)]
    if message is None:
        assert len(import_psid(paths)) == 1
        return
    with pytest.raises(SourceError, match=message) as caught:
        import_psid(paths)
    assert "\n" not in str(caught.value)


def test_files_without_individuals(tmp_path: Path) -> None:
    row = {name: value for name, value in HEAD.items() if name != "ER30002"}
    with pytest.raises(SourceError, match="no individuals: none of the files has both ER30001 and ER30002"):
        import_psid([write_extract(tmp_path / "J.txt", [row])])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(where=st.sampled_from(["J.txt", "J.sas"]), at=st.floats(0, 1), new=st.binary(max_size=3), cut=st.integers(0, 40))
def test_a_spoilt_extract_is_refused_or_a_valid_panel(
    where: str, at: float, new: bytes, cut: int, tmp_path: Path
) -> None:
    write_extract(tmp_path / "J.txt", [HEAD | {"ER30002": number} for number in (1, 2, 3)])
    content = (tmp_path / where).read_bytes()
    start = int(at * len(content))
    (tmp_path / where).write_bytes(content[:start] + new + content[start + cut :])
    outcome = _outcome(tmp_path / "J.txt")
    if isinstance(outcome, Panel):
        assert outcome.provenance.rows_in == len(outcome) + sum(outcome.provenance.left_out.values())
    else:
        assert "\n" not in str(outcome)


def _outcome(path: Path) -> Panel | LaborLLMError:
    try:
        return import_psid([path])
    except LaborLLMError as error:
        return error


def test_cart_lists_every_variable_once() -> None:
    lines = cart().splitlines()
    names = " ".join(line.partition(": ")[2] for line in lines).split()
    assert lines[0] == "once: ER30001 ER30002 ER32000"
    assert [line.partition(":")[0] for line in lines[1:]] == [str(wave.year) for wave in load_waves()]
    assert len(set(names)) == len(names) > 350


@pytest.fixture(scope="module")
def index() -> pl.DataFrame:
    """The cross-year index: a row per question, a column per year."""
    if not (SHARED / "psid.xlsx").is_file():
        pytest.skip("the index of the PSID is not here")
    return pl.read_excel(SHARED / "psid.xlsx", infer_schema_length=0)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (("individual", "interview"), ">id (interview) number"),
        (("individual", "sequence"), ">sequence number"),
        (("individual", "relation"), ">relationship to head"),
        (("individual", "education"), ">grades completed"),
        (("individual", "birth_year"), ">year born"),
        (("individual", "weight"), "Longitudinal"),
        (("family", "interview"), "family interview number"),
        (("family", "region"), "Current\n03>region"),
        (("head", "status"), "Employment Status\n03>head/reference person"),
        (("head", "occupation"), "main job"),
        (("head", "race"), "race\n04>head/reference person\n05>1st mention"),
        (("head", "wage"), "main job, current\n04>rate if paid hourly, current\n05>head/reference person"),
        (("spouse", "wage"), "main job, current\n04>rate if paid hourly, current\n05>spouse"),
        (("spouse", "status"), "Employment Status\n03>spouse"),
        (("spouse", "occupation"), "main job"),
        (("spouse", "race"), "race\n04>spouse\n05>1st mention"),
    ],
)
def test_variables_are_those_of_the_index(name: tuple[str, str], text: str, index: pl.DataFrame) -> None:
    for wave in load_waves():
        if name in wave.variables:
            (row,) = index.filter(pl.col(f"Y{wave.year}") == wave.variables[name]).iter_rows(named=True)
            assert text in row["TEXT"], (wave.year, row["TEXT"])
            assert {"head": "HEAD", "spouse": "WIFE"}.get(name[0], "") in row["HEAD_WIFE"]


@pytest.mark.parametrize("role", ["head", "spouse"])
def test_missing_codes_are_those_of_the_codebook(role: str) -> None:
    """The codebook at hand ends before 2017."""
    if not (SHARED / "occupation_codebook.html.gz").is_file():
        pytest.skip("the codebook of the PSID is not here")
    page = gzip.decompress((SHARED / "occupation_codebook.html.gz").read_bytes()).decode("latin-1")
    text = " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())
    for wave in load_waves():
        if wave.year < 2017:
            entry = re.split(rf'{wave.variables[role, "occupation"]} "', text)[1]
            codes = re.split(r' (?:V|ER)\d+ "', entry.partition("Code Value/Range Text")[2])[0]
            assert re.search(r" 999 [NADKrefused; ]+ 0 Inap", codes), (wave.year, codes[-300:])


def test_the_sample_has_other_names() -> None:
    """It is made up, with names that look like the real ones; some are."""
    if not (SHARED / "sample" / "J000001.txt").is_file():
        pytest.skip("the sample is not here")
    with pytest.raises(SourceError, match=r"2013: ER53179 \(head occupation\), .*; 2015: ER34303"):
        import_psid([SHARED / "sample" / "J000001.txt"])
