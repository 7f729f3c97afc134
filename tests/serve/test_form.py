"""What is typed: the career it comes to, the buttons, and the link that holds it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from laborllm.serve.page.form import CHANGES, HORIZONS, Form, FormError, Job


def years(form: Form) -> dict[int, str]:
    return {record.year: record.title for record in form.career().records}


def test_a_job_lasts_to_its_end_or_to_the_next_or_to_now() -> None:
    jobs = (Job("Cook", "2015", "2016"), Job("Cashier", "2018"), Job("Waiter", "2020"))
    cook, cashier, waiter = {2015, 2016}, {2018, 2019}, {2020, 2021, 2022}
    found = years(Form(jobs, now=2022))
    assert {year for year, title in found.items() if title == "Cook"} == cook
    assert {year for year, title in found.items() if title == "Cashier"} == cashier
    assert {year for year, title in found.items() if title == "Waiter"} == waiter


def test_the_years_that_two_jobs_share_count_for_the_later_one() -> None:
    assert years(Form((Job("Cook", "2015", "2018"), Job("Waiter", "2017", "2018")))) == {
        2015: "Cook",
        2016: "Cook",
        2017: "Waiter",
        2018: "Waiter",
    }


def test_the_order_of_the_lines_does_not_matter() -> None:
    jobs = (Job("Cook", "2015", "2016"), Job("Waiter", "2017", "2018"))
    assert years(Form(jobs)) == years(Form(jobs[::-1]))


def test_what_is_said_of_the_person_is_in_the_career() -> None:
    form = Form((Job("Cook", "2020", "2020", "high school"),), gender="female", region="west", birth_year="1990")
    career = form.career()
    assert (career.gender, career.birth_year) == ("female", 1990)
    assert [(record.education, record.region) for record in career.records] == [("high school", "west")]


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        (Form(), "Type at least one job, with the year it began."),
        (Form((Job("", "2019"),)), "Job 1 has no title."),
        (Form((Job("Cook"),)), "Job 1 has no year in which it began."),
        (Form((Job("Cook", "19"),)), "Job 1: '19' is not a year. Write four figures, such as 2019."),
        (Form((Job(), Job("Cook", "2019", "2018"))), "Job 2 ends in 2018, before it begins."),
        (Form((Job("Cook", "1900", "1990"),)), "The career has 91 years: at most 60."),
        (Form((Job("Cook", "2019"), Job("Cook", "2019"))), "Two records are of 2019: give one for each year."),
        (Form((Job("Cook", "2019"),), birth_year="soon"), "The year of birth: 'soon' is not a year."),
        (Form((Job("Cook", "2019"),), birth_year="2020"), "The birth year 2020 is after the first record, 2019."),
    ],
)
def test_what_is_wrong_is_said_with_its_line(form: Form, sentence: str) -> None:
    with pytest.raises(FormError) as refused:
        form.career()
    assert str(refused.value).startswith(sentence)


def test_lines_are_added_moved_and_deleted() -> None:
    one, two = Job("Cook", "2015"), Job("Waiter", "2017")
    assert Form((one, two)).after("up-1").jobs == (two, one)
    assert Form((one, two)).after("delete-0").jobs == (two,)
    assert Form((one,)).after("delete-0").jobs == (Job(),)
    assert Form((one,)).after("add").jobs == (one, Job())
    for nothing in ("up-0", "up-9", "delete-2", "up-x", "delete", "", "add-add-\u0661", "sort"):
        kept = Form((one, two)).after(nothing).jobs
        assert kept[:2] == (one, two)


TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zs", "Zl", "Zp", "Cf"]), max_size=20)
JOBS = st.builds(Job, TEXT, TEXT, TEXT, TEXT)


@given(
    st.builds(
        Form,
        st.lists(JOBS, min_size=1, max_size=5).map(tuple),
        gender=TEXT,
        birth_year=TEXT,
        horizon=st.sampled_from(HORIZONS),
        change=st.sampled_from(["", *CHANGES]),
        to=TEXT,
    )
)
def test_a_link_gives_back_what_was_typed(form: Form) -> None:
    assert Form.from_state(form.state) == form


def test_a_link_of_more_fields_than_a_form_has_is_refused() -> None:
    with pytest.raises(FormError, match="is no career"):
        Form.from_state("title=Cook&" * 600)


@given(st.lists(st.tuples(st.sampled_from(["title", "start", "end", "now", "horizon", "change", "x"]), st.text())))
def test_any_fields_make_a_form(fields: list[tuple[str, str]]) -> None:
    form = Form.of(fields)
    assert 1 <= len(form.jobs) <= 30
    assert form.horizon in HORIZONS
