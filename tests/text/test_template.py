"""The wording is frozen: what a model was tuned on must be what it is asked later."""

import polars as pl
import pytest

from laborllm.errors import LaborLLMError
from laborllm.occupations import Taxonomy, load_taxonomy
from laborllm.panel import Panel, Provenance
from laborllm.text import Template, render

GOLDEN = """\
<A worker from the NLSY97 dataset>
The following information is available about the work history of a female black or african american US worker residing \
in the south region.
The worker was born in 1982.
The worker has the following records of work experience, one entry per line, including year, education level, and the \
job title:
1999 (high school): Cashiers
2000 (some college): In education
<END OF DATA>"""

BARE = """\
<A worker from the NLSY97 dataset>
The following information is available about the work history of a US worker.
The worker has the following records of work experience, one entry per line, including year and the job title:
1999: job_121
<END OF DATA>"""


def career(taxonomy: Taxonomy, *records: dict[str, object]) -> Panel:
    rows = [{"worker": "1", "split": "train", **record} for record in records]
    return Panel(pl.DataFrame(rows), taxonomy, "NLSY97", Provenance("invented"))


@pytest.fixture(scope="module")
def occ1990dd() -> Taxonomy:
    return load_taxonomy("occ1990dd").with_states(["in_education"])


def test_golden_text(occ1990dd: Taxonomy) -> None:
    who = {"gender": "female", "ethnicity": "black or african american", "region": "south", "birth_year": 1982}
    panel = career(
        occ1990dd,
        {"year": 1999, "occupation": "276", "education": "high school", **who},
        {"year": 2000, "occupation": "in_education", "education": "some college", **who},
    )
    (text,) = render(panel, Template())
    assert text.text == GOLDEN
    spans = zip(text.prompt_ends, text.title_ends, strict=True)
    assert [text.text[start:end] for start, end in spans] == [" Cashiers", " In education"]


def test_missing_covariates_drop_their_words(occ1990dd: Taxonomy) -> None:
    (text,) = render(career(occ1990dd, {"year": 1999, "occupation": "276"}), Template(titles="numeric"))
    number = occ1990dd.position["276"]
    assert text.text == BARE.replace("job_121", f"job_{number}")


def test_vowels_take_an(occ1990dd: Taxonomy) -> None:
    (text,) = render(career(occ1990dd, {"year": 1999, "occupation": "276", "ethnicity": "asian"}), Template())
    assert "history of an asian US worker." in text.text


def test_no_line_tells_of_a_later_record(panel: Panel) -> None:
    """Cutting a career short cuts its text short, and changes nothing before."""
    first_two = Panel(
        panel.records.filter(pl.int_range(pl.len()).over("worker") < 2), panel.taxonomy, panel.dataset, panel.provenance
    )
    for whole, cut in zip(render(panel, Template()), render(first_two, Template()), strict=True):
        assert whole.text.startswith(cut.text[: cut.title_ends[-1]])


def test_unknown_choices_are_refused() -> None:
    with pytest.raises(LaborLLMError, match="use literal or numeric"):
        Template(titles="roman")  # type: ignore[arg-type]
    with pytest.raises(LaborLLMError, match="use resume-1"):
        Template(version="resume-0")
