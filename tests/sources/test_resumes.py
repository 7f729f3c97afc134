"""Resumes to yearly records: against a plain reading day by day, in parts as in one, every bad input one clear line."""

import calendar
import gzip
import json
import subprocess
from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from laborllm.errors import LaborLLMError, OptionError, PanelError, SourceError
from laborllm.occupations.coding import TitleCoder, load_coder
from laborllm.occupations.coding.corrections import read_corrections
from laborllm.panel import Panel
from laborllm.sources import ResumeOptions, import_resumes, write_resumes
from laborllm.sources.formats import text
from laborllm.sources.resumes import shards
from laborllm.sources.resumes import titles as resumes_titles
from laborllm.sources.resumes.schooling import level
from laborllm.sources.resumes.years import DateRules, years_of
from laborllm.sources.spellings import WORDS

HEADER = "worker,start,end,title,education,birth_year\n"
CODES = {"Cashier": "276", "RN": "95", "Line cook": "436", "Civil engineer": "53"}
FUZZ = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)


@pytest.fixture(scope="module")
def coder() -> TitleCoder:
    return load_coder()


@pytest.fixture(autouse=True)
def load_once(coder: TitleCoder, monkeypatch: pytest.MonkeyPatch) -> None:
    """The coder takes two seconds to learn: these tests share the real one."""

    def shared(corrections: Path | None = None) -> TitleCoder:
        return coder if corrections is None else coder.with_corrections(read_corrections(corrections))

    monkeypatch.setattr(resumes_titles, "load_coder", shared)


def table(tmp_path: Path, rows: str, name: str = "jobs.csv") -> Path:
    path = tmp_path / name
    path.write_text(HEADER + rows)
    return path


def by_year(panel: Panel) -> dict[tuple[str, int], str]:
    return {(worker, year): code for worker, year, code in panel.records.select(pl.nth(0, 1, 2)).rows()}


def test_the_main_job_of_a_year_is_the_one_with_most_days(tmp_path: Path) -> None:
    rows = "1,2001-03,2003-06,RN,,\n1,2003-05-01,2003,Cashier,,\n1,2006,present,Line cook,,\n2,2008,2008,RN,,\n"
    panel = import_resumes(table(tmp_path, rows), ResumeOptions(as_of="2008"))
    expected = {("1", 2001): "95", ("1", 2002): "95", ("1", 2003): "276", ("2", 2008): "95"}
    assert by_year(panel) == expected | {("1", year): "436" for year in (2006, 2007, 2008)}
    assert panel.provenance.left_out == {"another job filled more of the year": 1}
    assert panel.provenance.notes["jobs without an end"] == "1, taken to continue to 2008-12-31, as given"


def test_corrections_of_titles_come_first(tmp_path: Path) -> None:
    own = tmp_path / "own.csv"
    own.write_text("title,code\ncrew ninja,444\nRN,207\n")
    jobs = table(tmp_path, "1,2001,2001,Crew Ninja,,\n1,2002,2002,RN,,\n1,2003,2003,Cashier,,\n")
    panel = import_resumes(jobs, ResumeOptions(corrections=own))
    assert by_year(panel) == {("1", 2001): "444", ("1", 2002): "207", ("1", 2003): "276"}


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ("1,2001-01,2001-06-30,RN,,\n1,2001-07-04,2001,Cashier,,\n", "276"),  # 181 days each: the one that started last
        ("1,2001,2001,RN,,\n1,2001,2001,Cashier,,\n", "276"),  # then the first by title
    ],
)
def test_ties(rows: str, code: str, tmp_path: Path) -> None:
    assert by_year(import_resumes(table(tmp_path, rows))) == {("1", 2001): code}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (",2001,2002,RN,,", "worker missing"),
        ("1,,2002,RN,,", "start missing"),
        ("1,soon,2002,RN,,", "date unreadable"),
        ("1,2001,2002-02-30,RN,,", "date unreadable"),
        ("1,0001,2002,RN,,", "date unreadable"),
        ("1,2001-13,2002,RN,,", "date unreadable"),
        ("1,2003,2002,RN,,", "end before start"),
        ("1,2001,2002,RN,,soon", "birth year unreadable"),
        ("1,2001,2001,RN,,2002", "start before birth"),
        ("1,2001,2001,,,", "title missing"),
        ("1,2001,2001,Student,,", "title names no job"),
        ("1,2001,2001,Xyzzy,,", "title uncoded"),
    ],
)
def test_a_job_that_cannot_be_used_is_counted(row: str, reason: str, tmp_path: Path) -> None:
    panel = import_resumes(table(tmp_path, f"{row}\n2,2000,2000,RN,,\n"))
    assert panel.provenance.left_out[reason] >= 1
    assert by_year(panel) == {("2", 2000): "95"}
    with pytest.raises(SourceError, match=reason):
        import_resumes(table(tmp_path, f"{row}\n"))


@pytest.mark.parametrize(
    ("title", "states", "code"),
    [
        ("Unemployed", ("unemployed",), "unemployed"),
        ("laid off", ("unemployed", "in_education"), "unemployed"),
        ("Job seeker", ("not_working",), "not_working"),
        ("STUDENT", ("in_education",), "in_education"),
        ("full time student", ("in_education",), "in_education"),
        ("retired", ("not_in_labor_force",), "not_in_labor_force"),
        ("Homemaker", ("not_working",), "not_working"),
    ],
)
def test_a_state_in_place_of_a_title(title: str, states: tuple[str, ...], code: str, tmp_path: Path) -> None:
    panel = import_resumes(table(tmp_path, f"1,2001,2002,{title},,\n2,2000,2000,RN,,\n"), ResumeOptions(states=states))
    assert by_year(panel) == {("1", 2001): code, ("1", 2002): code, ("2", 2000): "95"}
    assert panel.provenance.notes["years whose title names a state"] == f"{code} (2)"


@pytest.mark.parametrize("states", [(), ("in_education",)])
def test_a_state_that_the_taxonomy_has_not_is_left_out(states: tuple[str, ...], tmp_path: Path) -> None:
    panel = import_resumes(table(tmp_path, "1,2001,2001,Retired,,\n2,2000,2000,RN,,\n"), ResumeOptions(states=states))
    assert by_year(panel) == {("2", 2000): "95"}
    assert panel.provenance.left_out["title names no job"] == 1
    assert "years whose title names a state" not in panel.provenance.notes


JOB = st.fixed_dictionaries(
    {
        "worker": st.sampled_from(["1", "2", "03"]),
        "start": st.dates(date(1999, 1, 1), date(2003, 12, 31)),
        "days": st.integers(0, 900),
        "title": st.sampled_from([*CODES, "Student"]),
    }
)


@FUZZ
@given(jobs=st.lists(JOB, min_size=1, max_size=8), size=st.sampled_from([1, 1000]))
def test_against_counting_days(jobs: list[dict], size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[type-arg]
    """Days of every job counted one by one; and parts of one worker give what one part of all gives."""
    monkeypatch.setattr(shards, "JOBS_PER_PART", size)
    monkeypatch.setattr(shards, "SAMPLED", 1)
    rows = [(job["worker"], job["start"], job["start"] + timedelta(job["days"]), job["title"]) for job in jobs]
    days = Counter[tuple[str, int, date, str, int]]()
    for number, (worker, start, end, title) in enumerate(rows):
        for day in range((end - start).days + 1):
            days[worker, (start + timedelta(day)).year, start, title, number] += 1
    best: dict[tuple[str, int], tuple[int, int, str]] = {}
    for (worker, year, start, title, _), count in days.items():
        rank = (-count, -start.toordinal(), title)
        best[worker, year] = min(best.get((worker, year), rank), rank)
    expected = {key: CODES[title] for key, (_, _, title) in best.items() if title in CODES}
    csv = "".join(f"{worker},{start},{end},{title},,\n" for worker, start, end, title in rows)
    path = table(tmp_path, csv)
    if not expected:
        with pytest.raises(SourceError, match="no row is left"):
            import_resumes(path)
        return
    panel = import_resumes(path)
    assert by_year(panel) == expected
    assert panel.provenance.rows_in == len(days) == len(panel) + sum(panel.provenance.left_out.values())


def test_parts_on_disk_are_the_panel_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = "".join(f"w{n % 50},{1990 + n % 20},{1992 + n % 20},{list(CODES)[n % 4]},,\n" for n in range(400))
    table(tmp_path, rows)
    pl.read_csv(tmp_path / "jobs.csv", infer_schema=False).write_parquet(tmp_path / "jobs.parquet")
    whole = import_resumes(tmp_path / "jobs.csv")
    monkeypatch.setattr(shards, "JOBS_PER_PART", 70)
    monkeypatch.setattr(shards, "SAMPLED", 2)
    written = write_resumes(tmp_path / "jobs.parquet", tmp_path / "panel.parquet")
    panel = Panel.load(tmp_path / "panel.parquet")
    assert panel.fingerprint == whole.fingerprint
    assert pl.read_parquet(tmp_path / "panel.parquet").equals(panel.records)  # sorted on disk, too
    assert (written.records, written.workers) == (len(panel), panel.workers)
    assert (panel.provenance.rows_in, panel.provenance.left_out) == (
        whole.provenance.rows_in,
        whole.provenance.left_out,
    )
    assert sorted(file.name for file in tmp_path.iterdir()) == ["jobs.csv", "jobs.parquet", "panel.parquet"]


def test_parquet_may_hold_dates_and_lack_what_is_optional(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {"worker": [1], "start": [date(2001, 2, 3)], "end": [date(2002, 1, 1)], "title": ["RN"], "x": 1}
    )
    frame.write_parquet(tmp_path / "jobs.parquet")
    assert by_year(import_resumes(tmp_path / "jobs.parquet")) == {("1", 2001): "95", ("1", 2002): "95"}


RESUME = {
    "basics": {"name": "Nobody At All", "birthDate": "1985-02-03"},
    "work": [
        {"name": "Nowhere Inc", "position": "Line cook", "startDate": "2005-06", "endDate": "2008-02-15"},
        {"position": "Civil Engineer II", "startDate": "2010"},
    ],
    "education": [
        {"studyType": "High School Diploma", "endDate": "2003"},
        {"studyType": "Bachelor of Science", "endDate": "2009-06"},
    ],
}


def write_json(tmp_path: Path, kind: str) -> Path:
    text = json.dumps(RESUME)
    if kind == "folder":
        (tmp_path / "all").mkdir()
        (tmp_path / "all" / "r.json").write_text(text)
        return tmp_path / "all"
    path = tmp_path / f"r.{kind}"
    lines = f"{text}\n\n{text}\n".encode() if "jsonl" in kind else text.encode()
    path.write_bytes(gzip.compress(lines) if kind.endswith(".gz") else lines)
    return path


@pytest.mark.parametrize("kind", ["folder", "json", "jsonl", "jsonl.gz"])
def test_json_resumes(kind: str, tmp_path: Path) -> None:
    panel = import_resumes(write_json(tmp_path, kind), ResumeOptions(as_of="2011"))
    names = ["r-1", "r-3"] if "jsonl" in kind else ["r"]
    years = {
        **dict.fromkeys(range(2005, 2009), ("436", "high school")),
        2010: ("53", "college"),
        2011: ("53", "college"),
    }
    found = panel.records.select("worker", "year", "occupation", "education", "birth_year").rows()
    assert found == [(name, year, *of, 1985) for name in names for year, of in years.items()]
    assert "Nobody" not in str(panel.provenance)


@pytest.mark.parametrize(
    ("written", "level"),
    [
        ("Ph.D. in Physics", "graduate degree"),
        ("MBA", "graduate degree"),
        ("Bachelor", "college"),
        ("B.A.", "college"),
        ("Associate of Arts", "some college"),
        ("GED", "high school"),
        ("high school", "high school"),
        ("less than high school", "less than high school"),
        ("graduate degree", "graduate degree"),
        ("Sommelier", None),
    ],
)
def test_levels_of_education(written: str, level: str | None, tmp_path: Path) -> None:
    panel = import_resumes(table(tmp_path, f"1,2001,2001,RN,{written},\n"))
    assert panel.records["education"].to_list() == [level]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("r.json", "[1, 2]", "r.json is not a JSON Resume: expected an object with sections such as 'work'"),
        ("r.json", '{"a": 1}', "r.json is not a JSON Resume"),
        ("r.json", '{"work": {}, "education": 3}', "r.json: 'education' of a JSON Resume must be a list of objects"),
        ("r.json", '{"work": ["cook"]}', "r.json: 'work' of a JSON Resume must be a list of objects"),
        ("r.json", '{"work": []}', "no row is left to make a panel of (there were none)"),
        ("r.jsonl", '{"work": []}\n{"work": [{"posi', "r.jsonl, line 2 is not JSON, or torn"),
        ("r.jsonl.gz", "no gzip", "r.jsonl.gz is not a readable file"),
        ("jobs.csv", "worker,start,end\n1,2001,2002\n", "jobs.csv has no column 'title'"),
        ("jobs.csv", "", "jobs.csv is not a readable .csv file"),
        ("jobs.parquet", "nothing", "jobs.parquet is not a readable .parquet file"),
        ("jobs.zip", "PK", "jobs.zip: cannot read this kind of file; use a folder of .json files, or .json, .jsonl"),
    ],
)
def test_a_source_that_cannot_be_used(name: str, content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(SourceError) as caught:
        import_resumes(tmp_path / name)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_only_a_newline_ends_a_line_of_json(tmp_path: Path) -> None:
    job = {"position": "Cashier", "startDate": "2014", "endDate": "2016"}
    first = json.dumps({"basics": {"summary": "one\u2028two\u2029three\x85four"}, "work": [job]}, ensure_ascii=False)
    second = json.dumps({"work": [job | {"endDate": "2015"}]})
    (tmp_path / "r.jsonl").write_text(f"{first}\r\n{second}\n", newline="")
    years = [("r-1", 2014), ("r-1", 2015), ("r-1", 2016), ("r-2", 2014), ("r-2", 2015)]
    assert list(by_year(import_resumes(tmp_path / "r.jsonl"))) == years


def test_every_file_of_a_folder_is_read_or_counted(tmp_path: Path) -> None:
    folder = tmp_path / "all"
    (folder / "below").mkdir(parents=True)
    one = json.dumps({"work": [{"position": "Cashier", "startDate": "2014", "endDate": "2014"}]})
    for name in ("a.json", "B.JSON", "below/a.json", "below/lines.jsonl"):
        (folder / name).write_text(one)
    for name in ("cv.pdf", "cv.docx", "below/cv.pdf", "._a.json", "README"):
        (folder / name).write_text("not read")
    panel = import_resumes(folder)
    assert sorted(by_year(panel)) == [("B", 2014), ("a", 2014), ("below/a", 2014), ("below/lines-1", 2014)]
    assert panel.provenance.notes["files not read"] == "5 (.pdf 2, .json 1, no ending 1, .docx 1)"


def test_missing_is_missing_in_every_column(tmp_path: Path) -> None:
    rows = "NA,2001,2002,RN,,\n1,NaT,2002,RN,,\n1,2001,2002,None,,\n2,2001,<NA>,RN,NA,nan\n"
    panel = import_resumes(table(tmp_path, rows), ResumeOptions(as_of="2002"))
    assert panel.provenance.left_out == {"worker missing": 1, "start missing": 1, "title missing": 1}
    found = panel.records.select("worker", "year", "education", "birth_year").rows()
    assert found == [("2", 2001, None, None), ("2", 2002, None, None)]


def test_an_end_that_could_not_be_calculated_is_no_open_end(tmp_path: Path) -> None:
    rows = "1,2001,#VALUE!,RN,,\n2,2001,?,RN,,\n3,2001,unknown,RN,,\n4,2001,-,RN,,\n5,2001,na,RN,,\n"
    panel = import_resumes(table(tmp_path, rows), ResumeOptions(as_of="2002"))
    assert panel.provenance.left_out == {"date unreadable": 3}
    assert panel.provenance.notes["dates unreadable"] == "'#VALUE!' (1), '?' (1), 'unknown' (1)"
    assert set(panel.records["worker"]) == {"4", "5"}


def test_states_of_the_panel_to_pool_with(tmp_path: Path) -> None:
    panel = import_resumes(table(tmp_path, "1,2001,2001,RN,,\n"), ResumeOptions(states=("in_education", "not_working")))
    assert panel.taxonomy.states == ("in_education", "not_working")
    assert by_year(panel) == {("1", 2001): "95"}


def test_uncoded_titles_are_listed_with_their_rows(tmp_path: Path) -> None:
    rows = (
        "".join(f"{n},2001,2001,Xyzzy,,\n" for n in range(10)) + "90,2001,2012,Frobozz\x1b[31m,,\n91,2001,2001,RN,,\n"
    )
    written = write_resumes(table(tmp_path, rows), tmp_path / "panel.parquet")
    assert written.uncoded.rows() == [("Frobozz [31m", 12, 1), ("Xyzzy", 10, 10)]
    assert written.provenance.notes["titles uncoded"] == "'Xyzzy' (10)"  # a title of few may be that of a person


@pytest.mark.parametrize("kind", ["table", "resumes"])
def test_what_was_read_of_education_is_told(kind: str, tmp_path: Path) -> None:
    written = ["HS", "HS", "B.A.", "Zertifikat", "Zertifikat", "Zertifikat", "Lehre", "college", "12th grade"]
    if kind == "table":
        source = table(tmp_path, "".join(f"{n},2001,2001,RN,{text},\n" for n, text in enumerate(written)))
    else:
        source = tmp_path / "r.jsonl"
        job = {"position": "RN", "startDate": "2001", "endDate": "2001"}
        lines = [{"work": [job], "education": [{"studyType": text, "endDate": "2000"}]} for text in written]
        source.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    panel = import_resumes(source)
    assert panel.provenance.notes["education read"] == (
        "'HS' as 'high school' (2 rows), '12th grade' as 'high school' (1 row), 'B.A.' as 'college' (1 row)"
    )
    assert panel.provenance.notes["education not read"] == "'Zertifikat' (3 rows), 'Lehre' (1 row)"
    levels = ["high school", "high school", "college", None, None, None, None, "college", "high school"]
    assert panel.records["education"].to_list() == levels


def test_a_resume_knows_the_spellings_of_a_table() -> None:
    for word, spellings in WORDS["education"].items():
        for spelling in spellings.split(", "):
            written = pl.DataFrame({"text": [spelling, spelling.upper(), f" {spelling}. "]})
            assert written.select(level("text")).to_series().to_list() == [word] * 3


def test_an_import_that_was_killed_leaves_nothing_once_it_is_repeated(tmp_path: Path) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    (tmp_path / f".p.parquet.parts.{ended.pid}.partial").mkdir()
    (tmp_path / f".p.parquet.parts.{ended.pid}.partial" / "panel-0.parquet").write_text("of the killed one")
    write_resumes(table(tmp_path, "1,2001,2001,RN,,\n"), tmp_path / "p.parquet")
    assert not list(tmp_path.glob(".p.*"))


def test_an_empty_folder_and_no_file(tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    with pytest.raises(SourceError, match=r"none holds no \.json file"):
        import_resumes(tmp_path / "none")
    for absent in ("absent.csv", "absent.jsonl", "absent"):
        with pytest.raises(SourceError, match=rf"no file at .*{absent}"):
            import_resumes(tmp_path / absent)


@pytest.mark.parametrize("name", ["jobs.csv.gz", "r.jsonl.gz"])
def test_a_bomb_is_not_unpacked(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "LARGEST_TEXT", 2**20)
    (tmp_path / name).write_bytes(gzip.compress(b" " * 2**21))
    with pytest.raises(SourceError, match=f"{name} inflates to more than"):
        import_resumes(tmp_path / name)


def test_a_worker_with_two_years_of_birth(tmp_path: Path) -> None:
    with pytest.raises(PanelError, match="birth_year differs between records of one worker"):
        import_resumes(table(tmp_path, "1,2001,2001,RN,,1970\n1,2002,2002,RN,,1971\n"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"date_order": "year-first"}, "unknown order of dates 'year-first': use day-first or month-first"),
        ({"open_ends": "current job"}, "open_ends is a tuple of texts, not the text 'current job'"),
    ],
)
def test_options_out_of_their_range(options: dict[str, str], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        ResumeOptions(**options)  # type: ignore[arg-type]


def test_a_spec_is_its_values(tmp_path: Path) -> None:
    own = tmp_path / "own.csv"
    same = {ResumeOptions(corrections=own), ResumeOptions(corrections=str(own))}  # type: ignore[arg-type]
    assert len(same) == 1


def test_as_of_must_be_a_date(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="'soon' is not a date: write 2024, 2024-03 or 2024-03-31"):
        import_resumes(table(tmp_path, "1,2001,,RN,,\n"), ResumeOptions(as_of="soon"))


@pytest.mark.parametrize(
    "encode",
    [
        lambda text: b"\xef\xbb\xbf" + text.encode(),
        lambda text: text.replace("\n", "\r\n").encode(),
        lambda text: text.replace(",", ";").encode(),
        lambda text: text.encode("latin-1"),
    ],
    ids=["byte order mark", "CRLF", "semicolons", "Latin-1"],
)
def test_csv_from_any_program(encode, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "jobs.csv").write_bytes(encode("worker,start,end,title\nZoë,2001,2001,RN\n"))
    assert by_year(import_resumes(tmp_path / "jobs.csv")) == {("Zoë", 2001): "95"}


@pytest.mark.parametrize("written", ["2004-02", "2004-2", "2004-02-29", "2004-02-29T10:00:00Z", " 2004-02 "])
def test_an_end_is_the_last_day_of_what_is_written(written: str) -> None:
    job = {"worker": "1", "start": "2004", "end": written.strip(), "title": "x", "education": None, "birth_year": None}
    frame = pl.DataFrame([job], schema=dict.fromkeys(job, pl.String))
    shorter = {**job, "start": f"{calendar.monthrange(2004, 2)[1]:d}"}
    assert years_of(frame, DateRules(date(2005, 1, 1)))["year"].to_list() == [2004]
    assert (
        years_of(pl.DataFrame([shorter], schema=frame.schema), DateRules(date(2005, 1, 1)))["left_out"].item()
        == "date unreadable"
    )


@FUZZ
@given(content=st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode)))
@pytest.mark.parametrize("name", ["r.json", "r.jsonl", "r.jsonl.gz", "jobs.csv", "jobs.csv.gz", "jobs.parquet"])
def test_any_bytes_are_refused_in_one_line(name: str, content: bytes, tmp_path: Path) -> None:
    """Random bytes hold no usable job."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(LaborLLMError) as caught:
        import_resumes(tmp_path / name)
    assert "\n" not in str(caught.value)


CELL = st.one_of(
    st.text(max_size=12), st.sampled_from(["2001", "2003-05", "RN", "1", "1970", "present", "college", ""])
)


@FUZZ
@given(rows=st.lists(st.lists(CELL, min_size=6, max_size=6), max_size=6))
def test_any_cells_are_a_panel_or_an_error(rows: list[list[str]], tmp_path: Path) -> None:
    pl.DataFrame(rows, schema=HEADER.strip().split(","), orient="row").write_csv(tmp_path / "jobs.csv")
    _panel_or_error(tmp_path / "jobs.csv")


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), CELL),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["work", "education", "basics", "position", "startDate", "endDate", "studyType"]), inner
        ),
    ),
    max_leaves=12,
)


@FUZZ
@given(resume=JSON)
def test_any_json_is_a_panel_or_an_error(resume: object, tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text(json.dumps(resume))
    _panel_or_error(tmp_path / "r.json")


def _panel_or_error(path: Path) -> None:
    try:
        assert len(import_resumes(path)) > 0
    except LaborLLMError as error:
        assert "\n" not in str(error)  # noqa: PT017
