"""A whole study at its smallest: every question answers, everything is written, and a killed study resumes."""

import csv
import html
import json
import multiprocessing
import os
import random
import re
import shutil
import signal
import time
from pathlib import Path

import pytest

from cli.commands import laborllm
from laborllm.errors import OptionError, SourceError
from laborllm.panel import Panel
from laborllm.report.numbers import MISSING
from laborllm.studies.protocol.config import SIZES, StudyFile
from laborllm.studies.protocol.question import Answer, Question
from laborllm.studies.protocol.report import summary_table
from laborllm.studies.questions.registry import QUESTIONS
from laborllm.studies.run import run_study
from privacy import published

ROOT = Path(__file__).parents[2]
FILE = ROOT / "studies" / "nlsy97.yaml"

Found = dict[Question, Answer]

LAST_COLUMN = re.compile(r"[,&][^,&\n]*$", re.MULTILINE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("studies") / "smoke"


@pytest.fixture(scope="module")
def file(folder: Path) -> Path:
    """A study of two panels; synthetic ones are put in their place."""
    own = folder.parent / "own.yaml"
    own.write_text("title: Two panels\npanels: {ONE: one.parquet, OTHER: other.parquet}\n")
    return own


@pytest.fixture(scope="module")
def found(file: Path, folder: Path) -> Found:
    return run_study(file, folder, size="smoke")


def tables(folder: Path) -> dict[str, str]:
    """Every table and figure of a study, and its verdicts, by name; without the last column of fits, which is time."""
    files = [*folder.glob("tables/*"), *folder.glob("figures/*"), folder / "answers.json"]
    texts = {file.name: file.read_text() for file in files}
    return {name: LAST_COLUMN.sub("", text) if "-fits." in name else text for name, text in texts.items()}


@pytest.mark.slow
def test_every_question_has_an_answer(found: Found, folder: Path) -> None:
    numbers = [question.number for question in QUESTIONS]
    assert numbers == list(range(1, 14))
    assert [question.number for question in found] == [number for number in numbers if number not in (2, 3)]
    answers = json.loads((folder / "answers.json").read_text())
    assert [answer["question"] for answer in answers] == [question.number for question in found]
    for question, answer in found.items():
        assert answer.verdict.holds in ("replicates", "does not replicate", "left open")
        assert answer.tables, question.title
        assert answer.figures, question.title


@pytest.mark.slow
def test_everything_is_written(found: Found, folder: Path) -> None:
    page = (folder / "report.html").read_text()
    first = [row[0] for row in summary_table(found).rows]
    assert first == [f"{question.number}. {question.title}" for question in found]
    for question, answer in found.items():
        assert f"{question.number}. {question.title}" in page
        assert answer.verdict.why in html.unescape(page)
        for name, table in answer.tables.items():
            stem = folder / "tables" / f"{question.number:02}-{question.name}-{name}"
            with stem.with_suffix(".csv").open() as file:
                assert tuple(next(csv.reader(file))) == table.header
            assert r"\toprule" in stem.with_suffix(".tex").read_text()
        for name, figure in answer.figures.items():
            assert figure.table.rows, name  # a figure without a point is not drawn
            assert (folder / "figures" / f"{question.number:02}-{question.name}-{name}.svg").read_text()[:4] == "<svg"
    with (folder / "runs.csv").open() as file:
        runs = list(csv.DictReader(file))
    assert len(runs) == len(list((folder / "costs").iterdir()))


@pytest.mark.slow
def test_no_small_cell_is_recovered(found: Found, folder: Path) -> None:
    """By whoever takes together what questions 7 and 11 say of one panel, or what 8 or 9 says."""
    for file in (folder / "panels").glob("*.parquet"):
        panel = Panel.load(file)
        publications = [
            published.study(panel, panel.dataset, folder),
            published.two_years_ahead(panel, panel.dataset, folder, SIZES["smoke"].chained),
            published.ageing(panel, panel.dataset, folder),
        ]
        assert sum(len(publication.shown) for publication in publications) > 15
        assert [publication.recovered() for publication in publications] == [set()] * 3


@pytest.mark.slow
def test_again_is_the_same_and_costs_nothing(found: Found, file: Path, folder: Path, tmp_path: Path) -> None:
    again = Path(shutil.copytree(folder, tmp_path / "again"))
    runs = {path: path.stat().st_mtime_ns for path in again.glob("*/*") if path.parent.name in ("runs", "scores")}
    run_study(file, again, size="smoke", questions=[1, 5])
    assert runs == {path: path.stat().st_mtime_ns for path in again.glob("*/*") if path in runs}
    assert tables(again) | {"answers.json": ""} == tables(folder) | {"answers.json": ""}


@pytest.mark.slow
def test_killed_ten_times_it_gives_the_same_tables(tmp_path: Path) -> None:
    """Killed when so many files more are there: among them the start, each fit, its scores, and the report."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["laborllm.studies.run", "laborllm.models.registry", "torch._dynamo"])
    folder = tmp_path / "killed"

    def begin() -> multiprocessing.process.BaseProcess:
        process = context.Process(target=run_study, args=(FILE, folder), kwargs={"size": "smoke", "questions": [1]})
        process.start()
        return process

    def written() -> int:
        return sum(len(files) for _, _, files in os.walk(folder))

    generator, kills = random.Random(0), 0
    while kills < 10:
        goal = written() + generator.randint(0, 8)
        process = begin()
        while process.is_alive() and written() < goal:
            time.sleep(0.001)
        process.kill()
        process.join()
        kills += process.exitcode == -signal.SIGKILL
        if process.exitcode == 0:
            shutil.rmtree(folder / "scores", ignore_errors=True)  # done too early: some of it once more
    run_study(FILE, folder, size="smoke", questions=[1])
    run_study(FILE, tmp_path / "whole", size="smoke", questions=[1])
    assert tables(folder) == tables(tmp_path / "whole")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("title: x\n", "the entry 'panels' is missing"),
        ("title: x\npanels: {}\n", "panels names no panel"),
        ("title: x\npanels: {A: a.parquet}\nquestions: [one]\n", "a question is a number such as 1, not 'one'"),
        (
            "title: x\npanels: {A: a.parquet}\nsize: cpu\n",
            "unknown entry 'size'; use title, panels, base, questions, models, distances",
        ),
    ],
)
def test_mistakes_in_the_file(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(text)
    with pytest.raises(SourceError, match=message):
        StudyFile.load(tmp_path / "own.yaml")


def test_a_file_names_its_models(tmp_path: Path) -> None:
    """Those take part and no other; each fit says what it took."""
    (tmp_path / "own.yaml").write_text("title: x\npanels: {A: a.parquet}\nmodels: [two-part, career, mixture]\n")
    (answer,) = run_study(tmp_path / "own.yaml", tmp_path / "study", size="smoke", questions=[1]).values()
    rows = {row[0]: row[1:] for row in answer.tables["A-fits"].rows}
    assert set(rows) == {"two-part", "career", "mixture"} == {row[0] for row in answer.tables["A"].rows}
    assert rows["two-part"][0] == MISSING


@pytest.mark.parametrize(
    ("models", "message"),
    [
        ("nmo", r"unknown model 'nmo': use plain, two-part, .*, title-head"),
        ("nemo", "a study compares two-part with one or more of logit, bag-of-jobs, nemo, career: name them"),
        ("two-part, mixture", "a study compares two-part with one or more"),
    ],
)
def test_models_that_make_no_study(models: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(f"title: x\npanels: {{A: a.parquet}}\nmodels: [{models}]\n")
    with pytest.raises(OptionError, match=message):
        StudyFile.load(tmp_path / "own.yaml")


def test_mistakes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SourceError, match="no study file at"):
        run_study(tmp_path / "absent.yaml", tmp_path / "study")
    with pytest.raises(OptionError, match="there is no question 99: use 1, "):
        run_study(FILE, tmp_path / "study", size="smoke", questions=[99])
    (tmp_path / "own.yaml").write_text("title: x\npanels: {A: absent.parquet}\n")
    assert laborllm(f"study {tmp_path}/own.yaml --out {tmp_path}/study") == 2
    assert "absent.parquet" in capsys.readouterr().err
