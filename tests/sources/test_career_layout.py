"""CAREER's layout: what is written by hand is read as it is meant, and what is exported comes back."""

from pathlib import Path

import polars as pl
import pytest

from laborllm.errors import LaborLLMError, SourceError
from laborllm.occupations import Taxonomy
from laborllm.panel import Panel, Provenance
from laborllm.panel.schema import COVARIATES
from laborllm.sources.career_layout import BY_RECORD, COLUMNS, export_career, import_career

TAXONOMY = Taxonomy.from_occupations("two", [("274", "Sales clerks", ""), ("436", "Cooks", "")])

BY_HAND = {
    "train.job": "274 education\nunemployed\n",
    "train.year": "2000 2002\n1999\n",
    "train.education": "high_school_diploma <unk>\nbachelors\n",
    "train.gender": "female\n<unk>\n",
    "train.ethnicity": "black_or_african_american\nwhite\n",
    "train.year_of_birth": "1980\n<unk>\n",
    "test.job": "436\n",
    "test.year": "2001\n",
}


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


def test_files_by_hand(tmp_path: Path) -> None:
    panel = import_career(write(tmp_path, BY_HAND), TAXONOMY, "RESUMES")
    assert panel.taxonomy.states == ("unemployed", "in_education")
    assert panel.records.select("worker", "year", "occupation", *COVARIATES, "split").rows() == [
        ("test 1", 2001, "436", None, None, None, None, None, "test"),
        ("train 1", 2000, "274", "high school", "female", "black or african american", None, 1980, "train"),
        ("train 1", 2002, "in_education", None, "female", "black or african american", None, 1980, "train"),
        ("train 2", 1999, "unemployed", "college", None, "white", None, None, "train"),
    ]
    assert panel.provenance.notes == {
        "education read": "'bachelors' as 'college' (1 row), 'high school diploma' as 'high school' (1 row)"
    }
    assert len(panel.provenance.files) == len(BY_HAND)


def test_what_is_exported_comes_back(panel: Panel, tmp_path: Path) -> None:
    words = {"asian": "asian or pacific islander"}  # the word of the panels, as an import gives it
    panel = panel.with_records(panel.records.with_columns(pl.col("ethnicity").replace(words)))
    export_career(panel, tmp_path / "layout")
    for file in (tmp_path / "layout").glob("*.job"):
        for ending in COLUMNS:
            lines = file.with_suffix(f".{ending}").read_text().split("\n")
            assert lines.pop() == ""  # the end of the last line
            lengths = [line.count(" ") for line in file.read_text().splitlines()]
            assert [line.count(" ") for line in lines] == (lengths if ending in BY_RECORD else [0] * len(lengths))
    occupations = Taxonomy.from_occupations(
        "invented", zip(panel.taxonomy.codes[:-1], panel.taxonomy.titles, panel.taxonomy.groups, strict=False)
    )
    back = import_career(tmp_path / "layout", occupations, panel.dataset)
    assert back.taxonomy == panel.taxonomy
    export_career(back, tmp_path / "again")
    for file in (tmp_path / "layout").glob("t*"):
        assert file.read_text() == (tmp_path / "again" / file.name).read_text()


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("train.year", "2000 2002\n", "train.year has 1 lines for 2 workers"),
        ("train.year", "2000\n1999\n", "train.year, line 1: 1 values where 2 should be"),
        ("train.year", "2000 next\n1999\n", "train 1: year is not a year"),
        ("train.gender", "female\nnot known\n", "train.gender, line 2: 2 values where 1 should be"),
        ("train.job", "274 education\n999\n", "occupation is not in taxonomy two"),
        ("train.job", "274 education\n\n", "train.job, line 2: 0 values where 1 should be"),
        ("valid.job", "274\n", "valid.year: a split has at least the files .job, .year"),
    ],
)
def test_bad_files(tmp_path: Path, name: str, text: str, message: str) -> None:
    with pytest.raises(LaborLLMError) as raised:
        import_career(write(tmp_path, BY_HAND | {name: text}), TAXONOMY, "RESUMES")
    assert message in str(raised.value)


def test_unknown_jobs_and_years_are_counted(tmp_path: Path) -> None:
    files = {"train.job": "<unk> 274 <unk>\n<unk>\n274\n", "train.year": "2000 2001 2002\n1999\n<unk>\n"}
    panel = import_career(write(tmp_path, files), TAXONOMY, "RESUMES")
    found = panel.records.select("worker", "year", "occupation").rows()
    assert found == [("train 1", 2001, "274"), ("train 1", 2002, None), ("train 2", 1999, None)]  # the last are open
    assert panel.provenance.left_out == {"year missing": 1, "job missing": 1}


def test_an_empty_folder_and_a_code_of_two_words_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"has none of the files train\.job"):
        import_career(tmp_path, TAXONOMY, "RESUMES")
    records = pl.DataFrame({"worker": ["1"], "year": [2000], "occupation": ["4 36"], "split": ["train"]})
    taxonomy = Taxonomy.from_occupations("spaced", [("4 36", "Cooks", "")])
    with pytest.raises(SourceError, match="code '4 36' of taxonomy spaced is not one word"):
        export_career(Panel(records, taxonomy, "X", Provenance("by hand")), tmp_path / "out")
