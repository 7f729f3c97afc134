"""The wording is frozen: what a model was tuned on must be what it is asked later. The people are invented."""

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from laborllm.errors import LaborLLMError, PanelError
from laborllm.occupations import Taxonomy, load_taxonomy
from laborllm.panel import Panel, Provenance
from laborllm.text import CareerText, Template, render

GOLDEN = Path(__file__).parent / "golden"

TEMPLATES = {
    "literal": Template(),
    "numeric": Template("numeric"),
    "abbreviated": Template("abbreviated"),
    "reworded": Template("reworded"),
    "shuffled": Template("shuffled"),
    "other-seed": Template("shuffled", title_seed=1),
    "without-birth-year": Template(leave_out=("birth-year",)),
    "without-demographics": Template(leave_out=("demographics",)),
    "without-covariates": Template(leave_out=("education", "birth-year", "demographics")),
    "last-2-records": Template(last_records=2),
}


@pytest.fixture(scope="module")
def occ1990dd() -> Taxonomy:
    return load_taxonomy("occ1990dd").with_states(["in_education"])


@pytest.fixture(scope="module")
def invented(occ1990dd: Taxonomy) -> Panel:
    """A career with all covariates, one that lacks them, and one whose ethnicity begins with a vowel."""
    who = {"gender": "female", "ethnicity": "black or african american", "region": "south", "birth_year": 1982}
    school, college = "high school", "some college"
    rows = [
        {"worker": "1", "year": 1999, "occupation": "276", "education": school, **who},
        {"worker": "1", "year": 2000, "occupation": "in_education", "education": college, **who},
        {"worker": "1", "year": 2001, "occupation": "276", "education": college, **who},
        {"worker": "1", "year": 2003, "occupation": "7", "education": college, **who, "region": "west"},
        {"worker": "2", "year": 1999, "occupation": "85"},
        {"worker": "3", "year": 2010, "occupation": "22", "ethnicity": "asian"},
    ]
    records = pl.DataFrame(rows, infer_schema_length=None).with_columns(split=pl.lit("train"))
    return Panel(records, occ1990dd, "NLSY97", Provenance("invented"))


@pytest.mark.parametrize("name", TEMPLATES)
def test_golden_text(name: str, invented: Panel) -> None:
    texts = [career.text for career in render(invented, TEMPLATES[name])]
    assert "\n\n".join(texts) + "\n" == (GOLDEN / f"{name}.txt").read_text()


def test_every_golden_text_has_its_template() -> None:
    assert {file.stem for file in GOLDEN.iterdir()} == set(TEMPLATES)


def test_places_are_those_of_the_titles(invented: Panel) -> None:
    first = next(render(invented, Template()))
    titles = [" Cashiers", " In education", " Cashiers", " Financial managers"]
    assert [first.text[start:end] for start, end in first.places] == titles


def test_no_line_tells_of_a_later_record(panel: Panel) -> None:
    """Cutting a career short cuts its text short, and changes nothing before."""
    first_two = Panel(
        panel.records.filter(pl.int_range(pl.len()).over("worker") < 2), panel.taxonomy, panel.dataset, panel.provenance
    )
    for whole, cut in zip(render(panel, Template()), render(first_two, Template()), strict=True):
        assert whole.text.startswith(cut.text[: cut.title_ends[-1]])


@pytest.mark.parametrize("template", [Template(), Template(last_records=2)])
def test_an_open_career_ends_with_its_prompt(template: Template, panel: Panel) -> None:
    last = pl.int_range(pl.len()).over("worker") == pl.len().over("worker") - 1
    opened = replace(panel, records=panel.records.with_columns(pl.when(~last).then("occupation")))
    assert opened.open_records == panel.workers
    for closed, career in zip(render(panel, template), render(opened, template), strict=True):
        if career.is_open:
            assert career.text == closed.text[: closed.prompt_ends[-1]]
            assert career.closed("Cooks").text == f"{career.text} Cooks\n"
        else:
            assert career == closed


def test_a_record_after_an_open_one_cannot_be_written(panel: Panel) -> None:
    with pytest.raises(PanelError, match="open records follow an open one"):
        list(render(panel.open(years=[2020, 2021]), Template()))


@pytest.mark.parametrize("last", [1, 2, 4, 9])
def test_a_window_holds_the_header_and_the_last_records(last: int, panel: Panel) -> None:
    """Each record is forecast once, from its own line, the header, and the lines of the records just before it."""

    def prompts(texts: list[CareerText]) -> list[str]:
        return [career.text[:end] for career in texts for end in career.prompt_ends]

    whole, windows = (list(render(panel, template)) for template in (Template(), Template(last_records=last)))
    expected = []
    for prompt in prompts(whole):
        lines = prompt.split("\n")
        header = [line for line in lines if not line[:1].isdigit()]
        expected.append("\n".join([*header, *lines[len(header) :][-last - 1 :]]))
    assert prompts(windows) == expected
    assert sum(career.text.endswith("<END OF DATA>") for career in windows) == panel.workers


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"titles": "roman"}, "use literal, numeric, abbreviated, reworded, senior, shuffled"),
        ({"wording": "resume-0"}, "use resume-1"),
        ({"leave_out": ("name",)}, "unknown covariate to leave out 'name': use birth-year, demographics"),
        ({"last_records": 0}, "last-records must be at least 1, not 0"),
    ],
)
def test_unknown_choices_are_refused(choice: dict[str, object], message: str) -> None:
    with pytest.raises(LaborLLMError, match=message):
        Template(**choice)  # type: ignore[arg-type]
