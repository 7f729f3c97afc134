"""From what a client says to what a model reads: careers, their names, notes, and people in a list."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from laborllm.errors import InputError, PanelError, SourceError
from laborllm.occupations.coding.titles import Titles
from laborllm.serve import Served
from laborllm.serve.inputs.careers import Row, Worker, panel_of, read_career
from laborllm.serve.inputs.lists import ALL, read_list
from laborllm.serve.schema.careers import Career

COOK: Row = (2020, "436", "high school", "female", None, "south", 1990)
AFTER: Row = (2021, "95", "college", "female", None, "south", 1990)
ROWS = st.lists(
    st.tuples(
        st.integers(1990, 2020),
        st.sampled_from(["436", "95"]),
        st.sampled_from([None, "college"]),
        st.just(None),
        st.just(None),
        st.sampled_from([None, "south"]),
        st.none() | st.integers(1950, 1980),
    ),
    min_size=1,
    max_size=4,
)


def career(*records: tuple[int, str], **more: object) -> Career:
    return Career.model_validate({"records": [{"year": year, "title": title} for year, title in records], **more})


@given(ROWS, ROWS)
def test_equal_careers_have_one_name_and_others_another(one: list[Row], other: list[Row]) -> None:
    """Whoever asks with a career is drawn the same numbers; nothing in the name is what was said."""
    name = Worker(tuple(one)).name
    assert name == Worker(tuple(one)).name
    assert (name == Worker(tuple(other)).name) == (one == other)
    assert name != Worker(tuple(one), copy=1).name
    assert len(name) == 24
    assert int(name, 16) >= 0


@given(ROWS, st.lists(st.integers(2021, 2030), min_size=1, max_size=3, unique=True))
def test_open_records_are_as_the_last_one_and_leave_the_name(rows: list[Row], years: list[int]) -> None:
    worker = Worker(tuple(rows))
    opened = worker.open(years)
    assert opened.name == worker.name
    assert opened.last == worker.last == rows[-1]
    assert opened.rows[: len(rows)] == tuple(rows)
    assert [row[0] for row in opened.rows[len(rows) :]] == years
    assert all(row[1] is None and row[2:] == rows[-1][2:] for row in opened.rows[len(rows) :])


def test_another_version_is_drawn_the_numbers_of_the_first() -> None:
    one, other = Worker((COOK,)), Worker((AFTER,))
    assert one.name != other.name
    assert replace(other, seed_of=one.rows).name == one.name
    assert replace(other, seed_of=one.open([2025]).rows).open([2026]).name == one.name


def test_careers_are_read_in_the_order_of_their_years(served: Served) -> None:
    read = read_career(career((2021, "Registered nurses"), (2019, "Sr. line cook"), gender="Female"), served)
    assert read.worker.rows == (
        (2019, "436", None, "female", None, None, None),
        (2021, "95", None, "female", None, None, None),
    )
    assert [coded.said for coded in read.titles] == ["Sr. line cook", "Registered nurses"]
    (note,) = read.notes
    assert note.startswith("Sr. line cook was read as Cooks")


def test_a_title_that_leads_nowhere_is_said_with_others_near_it(served: Served) -> None:
    with pytest.raises(PanelError, match="the title 'Xqzv vrrp' leads to no one occupation: use other words, or "):
        read_career(career((2020, "Cooks"), (2021, "Xqzv vrrp")), served)


def test_a_word_that_the_model_does_not_know_is_said_once(served: Served) -> None:
    records = [{"year": year, "title": "Cooks", "region": "the moon"} for year in (2020, 2021)]
    read = read_career(Career.model_validate({"records": records}), served)
    (note,) = read.notes
    assert note.startswith("The model does not know the region 'the moon' and reads it as missing; it knows: ")
    assert all(word in note for word in served.words("region"))


def test_workers_become_a_panel_without_a_name_of_theirs(served: Served) -> None:
    workers = [Worker((COOK, AFTER)), Worker((COOK,)).open([2025])]
    panel = panel_of(workers, served)
    assert panel.workers == 2
    assert panel.open_records == 1
    assert set(panel.records["worker"]) == {worker.name for worker in workers}
    assert panel.records["split"].unique().to_list() == ["test"]
    expected = sorted((worker.name, row[0], row[1]) for worker in workers for row in worker.rows)
    assert panel.records.select("worker", "year", "occupation").rows() == expected


LIST = """Worker, START ,End,Title,Group
7,2018,2020,Cooks,North plant
7,2021,2022,Registered nurses,
8,2019,,Cooks,
9,2020,2022,,South plant
"""


def test_a_list_is_read_with_its_groups_whatever_the_case_of_its_columns(served: Served) -> None:
    found = read_list(LIST, served, lost=None, as_of=2022, corrections={})
    by_name = dict(zip(found.labels, found.workers, strict=True))
    assert set(by_name) == {"North plant", ALL}
    assert [(row[0], row[1]) for row in by_name["North plant"].rows] == [
        *((year, "436") for year in (2018, 2019, 2020)),
        *((year, "95") for year in (2021, 2022)),
    ]
    assert [row[0] for row in by_name[ALL].rows] == [2019, 2020, 2021, 2022]
    assert found.left_out == 1  # whose job has no title
    assert set(found.titles["title"]) >= {"Cooks", "Registered nurses"}


def test_corrections_and_the_year_of_the_loss_change_what_is_read(served: Served) -> None:
    text = "worker,start,end,title\n1,2018,2022,Cooks\n"
    plain, corrected, lost = (
        read_list(text, served, lost=year, as_of=2022, corrections=codes).workers[0]
        for year, codes in ((None, {}), (None, {"Cooks": "95"}), (2021, {}))
    )
    assert {row[1] for row in plain.rows} == {"436"}
    assert {row[1] for row in corrected.rows} == {"95"}
    assert [row[1] for row in lost.rows] == ["436"] * 3 + ["unemployed"] * 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("worker,Worker,start,end,title\n", "two columns of the list have one name"),
        ("worker,wor ker,wor-ker,start,end,title\n1,1,1,2020,,Cooks\n", "two columns of the list have one name"),
        (",".join(f"c{at}" for at in range(31)) + "\n", "the list has 31 columns: at most 30"),
        ("worker,start,title\n1,2020,Cooks\n", "has no column 'end'"),
    ],
)
def test_what_is_no_list_is_said(text: str, message: str, served: Served) -> None:
    with pytest.raises(InputError, match=message):
        read_list(text, served, lost=None, as_of=2022, corrections={})


def test_titles_of_a_taxonomy_of_ones_own_are_not_coded_from_a_list(served: Served) -> None:
    own = replace(served, titles=Titles(served.taxonomy, None))
    with pytest.raises(
        SourceError, match="the model of this server has a taxonomy of its own, into which no titles are"
    ):
        read_list(LIST, own, lost=None, as_of=2022, corrections={})
