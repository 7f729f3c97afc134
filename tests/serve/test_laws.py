"""Laws of what visitors type and what leaves the server: forms and their links, buckets of tokens, whole people."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from laborllm.forecasting.simulation.result import Difference
from laborllm.occupations import Taxonomy
from laborllm.serve.answers import OF, changes, group_shares, whole_people
from laborllm.serve.operation.guard import CLIENTS, Rates
from laborllm.serve.operation.problems import LONGEST, retry, sentence
from laborllm.serve.page.form import JOBS, Form, FormError, Job
from laborllm.serve.page.resume import form_of

TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=12).map(str.strip)
YEAR = st.integers(1970, 2020).map(str)
JOB = st.builds(Job, title=TEXT, start=TEXT | YEAR, end=TEXT | YEAR, education=TEXT)
FORM = st.builds(
    Form,
    jobs=st.lists(JOB, min_size=1, max_size=4).map(tuple),
    gender=TEXT,
    region=TEXT,
    birth_year=TEXT,
    horizon=st.sampled_from((3, 5, 10)),
    change=st.sampled_from(("", "title", "education", "region")),
    to=TEXT,
    now=st.integers(2020, 2060),
)
CAREER = st.lists(
    st.tuples(st.integers(1990, 2015), st.none() | st.integers(0, 12)), min_size=1, max_size=5, unique_by=lambda t: t[0]
)
TOWN = Taxonomy.from_occupations("town", [("1", "Cooks", "Food"), ("2", "Waiters", "Food"), ("3", "Tellers", "Banks")])


@given(FORM)
def test_a_link_holds_all_that_is_typed(form: Form) -> None:
    assert Form.from_state(form.state) == form


@given(FORM, st.lists(st.sampled_from(["add", "delete-0", "delete-1", "up-1", "up-2", "up-9", "zorb"]), max_size=6))
def test_buttons_add_take_away_and_swap_lines_and_no_more(form: Form, actions: list[str]) -> None:
    lines = list(form.jobs)
    for action in actions:
        name, _, number = action.partition("-")
        form = form.after(action)
        at = int(number or 0)
        if name == "add":
            lines.append(Job())
        elif name == "delete" and at < len(lines):
            lines.pop(at)
            lines = lines or [Job()]
        elif name == "up" and at < len(lines):
            lines[at - 1 : at + 1] = lines[at], lines[at - 1]
        assert list(form.jobs) == lines
    assert 1 <= len(form.jobs) <= JOBS


def test_no_more_lines_than_a_form_holds() -> None:
    form = Form(tuple(Job(f"Job {at}", "2000") for at in range(JOBS)))
    assert form.after("add") == form
    fields = [pair for at in range(JOBS + 5) for pair in (("title", f"Job {at}"), ("start", "2000"))]
    assert len(Form.of(fields).jobs) == JOBS


@settings(max_examples=60)
@given(CAREER)
def test_each_year_is_of_the_last_job_begun_that_has_not_ended(jobs: list[tuple[int, int | None]]) -> None:
    now = 2030
    lines = tuple(Job(f"Job {start}", str(start), "" if years is None else str(start + years)) for start, years in jobs)
    found = {record.year: record.title for record in Form(lines, now=now).career().records}
    expected = {}
    for year in range(1990, now + 1):
        begun = [(start, years) for start, years in jobs if start <= year]
        if begun:
            start, years = max(begun)
            if years is None or year <= start + years:
                expected[year] = f"Job {start}"
    assert found == expected


@settings(max_examples=60)
@given(CAREER.filter(lambda jobs: all(years is not None for _, years in jobs)))
def test_a_resume_in_lines_is_the_form_that_was_typed(jobs: list[tuple[int, int]]) -> None:
    text = "\n".join(f"{start} - {start + years} Line cook" for start, years in jobs)
    found = form_of(text, Form())
    assert sorted((job.start, job.end) for job in found.jobs) == sorted(
        (str(start), str(start + years)) for start, years in jobs
    )
    assert {job.title for job in found.jobs} == {"Line cook"}


def test_a_text_without_a_year_is_no_resume() -> None:
    for text in ("", "Line cook", "2015 - 2019", "{not json", '{"work": []}'):
        with pytest.raises(FormError) as refused:
            form_of(text, Form())
        assert "\n" not in str(refused.value)
        assert str(refused.value)[0].isupper()


@settings(max_examples=60)
@given(st.lists(st.integers(0, 12), max_size=40), st.sampled_from([0.5, 1.0, 2.0]), st.integers(1, 4))
def test_a_bucket_lets_in_what_its_tokens_pay(gaps: list[int], rate: float, burst: int) -> None:
    """In quarters of a second, which are exact numbers: a request is let in where a whole token is left."""
    rates, tokens, now = Rates(rate, burst), float(burst), 0.0
    for gap in gaps:
        now += gap / 4
        tokens = min(burst, tokens + gap / 4 * rate)
        wait = rates.wait("a", now)
        if tokens >= 1:
            assert wait == 0
            tokens -= 1
        else:
            assert wait == (1 - tokens) / rate
            assert wait > 0


def test_who_came_last_is_remembered_and_no_more_than_so_many() -> None:
    rates = Rates(1.0, 1)
    for number in range(CLIENTS + 1):
        assert rates.wait(f"client {number}", 0.0) == 0
    assert rates.wait(f"client {CLIENTS}", 0.0) == 1
    assert rates.wait("client 0", 0.0) == 0  # forgotten, so its bucket is full


@pytest.mark.parametrize(("seconds", "header"), [(0.1, "1"), (1.0, "1"), (2.6, "3"), (59.9, "60")])
def test_a_client_is_told_whole_seconds(seconds: float, header: str) -> None:
    assert retry(seconds) == {"Retry-After": header}


def test_the_first_error_is_said_with_its_place_and_none_of_its_value() -> None:
    one = {"loc": ("body", "careers", 0, "records", 1, "year"), "msg": "Input should be less", "input": "SECRET"}
    assert sentence([one]) == "careers, 1, records, 2, year: Input should be less"
    assert sentence([one, one, one]).endswith(" (2 more)")
    bare = {"loc": ("body",), "msg": "Value error, give one for each year", "input": "SECRET"}
    assert sentence([bare]) == "give one for each year"
    long = {"loc": ("body", "x" * 100), "msg": "no such field"}
    assert sentence([long]) == f"{'x' * LONGEST}: no such field"


@given(st.lists(st.floats(0, 1), min_size=2, max_size=10).filter(lambda shares: sum(shares) > 0.01))
def test_a_hundred_people_are_a_hundred(shares: list[float]) -> None:
    found = whole_people(shares)
    assert sum(found) == OF
    assert all(abs(people - OF * share / sum(shares)) < 1 + 1e-6 for people, share in zip(found, shares, strict=True))


@given(st.integers(0, 10_000))
def test_shares_of_groups_are_sums(seed: int) -> None:
    share = np.random.default_rng(seed).dirichlet(np.ones(3), size=4)
    found = group_shares(share, TOWN)
    np.testing.assert_allclose(found, np.stack([share[:, 0] + share[:, 1], share[:, 2]], axis=1))


@given(st.integers(0, 10_000), st.integers(1, 3))
def test_a_what_if_tells_no_more_than_whole_people_of_each_version(seed: int, top: int) -> None:
    """Less than one of a hundred is none; otherwise the nearest number."""
    one, two = np.random.default_rng(seed).dirichlet([0.05, 1, 1], size=2).astype(np.float32)
    workers = pl.DataFrame({"worker": ["w"], "year": [2024], "occupation": ["1"]})
    years, errors = np.array([[2025]], np.int16), np.full((1, 1, 3), 0.004, np.float32)
    found = changes(Difference(workers, years, TOWN, one[None, None], (two - one)[None, None], errors), 0, top)
    whole = [[0 if share < 0.01 else round(100 * float(share)) for share in (one[at], two[at])] for at in range(3)]
    apart = [second - first for first, second in whole]
    large = sorted((at for at in range(3) if apart[at]), key=lambda at: -abs(apart[at]))[:top]
    assert [(each.code, each.of_100) for each in found] == [(TOWN.codes[at], apart[at]) for at in large]
    assert {each.error for each in found} <= {0.4}
