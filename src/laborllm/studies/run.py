"""Run a study: make the runs that its questions need, answer them, and write the report."""

from collections.abc import Sequence
from pathlib import Path

from laborllm.errors import OptionError, RunError
from laborllm.storage import make_folder, sole_writer
from laborllm.studies.protocol.cache import RunCache
from laborllm.studies.protocol.config import SIZES, SizeName, StudyFile
from laborllm.studies.protocol.jobs import run_jobs
from laborllm.studies.protocol.panels import own_panels, synthetic_panels
from laborllm.studies.protocol.question import Answer, Question
from laborllm.studies.protocol.report import ANSWERS, write_study
from laborllm.studies.protocol.study import Study
from laborllm.studies.questions.registry import QUESTIONS


def run_study(
    file: Path | StudyFile,
    out: Path,
    *,
    size: SizeName = "cpu",
    questions: Sequence[int] = (),
    processes: int = 1,
) -> dict[Question, Answer]:
    """Answer the questions of a study on its panels.

    What a study that was interrupted, or another question, has fitted and forecast into `out` is used.

    Args:
        file: A study file, or what one says.
        out: Folder of the study.
        size: How much is computed; `smoke` puts synthetic panels in place of the study's.
        questions: Numbers of questions; default: those of the file.
        processes: Runs made at once.

    Returns:
        Question to answer, in order. `out` has the report, the tables, the figures and the runs.

    Raises:
        SourceError: No such file, or one that does not say what a study needs.
        OptionError: An unknown question.
    """
    study = open_study(file, out, size=size)
    numbers = questions or study.file.questions
    asked = [
        question for question in choose_questions(numbers) if numbers or size != "smoke" or not question.reads_text
    ]
    with sole_writer(out):
        run_jobs(study.cache, [scores for question in asked for scores in question.runs(study)], processes=processes)
        answers = {question: question.answer(study) for question in asked}
        write_study(study, answers)
    return answers


def open_study(file: Path | StudyFile, out: Path, *, size: SizeName) -> Study:
    """A study and what its folder `out` holds, which is made unless it is there.

    Args:
        file: The file of the study, or what it says.
        out: Its folder.
        size: Name of one of `SIZES`.
    """
    said = file if isinstance(file, StudyFile) else StudyFile.load(file)
    if size not in SIZES:
        raise OptionError(f"unknown size {size!r}: use {', '.join(SIZES)}")
    chosen, folder = SIZES[size], out / "panels"
    make_folder(out)
    if chosen.synthetic is None:
        panels = own_panels(said.panels, folder)
    else:
        panels = synthetic_panels(tuple(said.panels), chosen.synthetic, folder)
    return Study(said, chosen, RunCache(out, panels))


def find_study(file: Path, folder: Path, *, size: SizeName, answered: bool = False) -> Study:
    """A study that was run before, or one with answers: where there is none, nothing is made.

    Args:
        file: A study file.
        folder: Folder of the study.
        size: As which it was run.
        answered: Whether it must have answers.

    Raises:
        RunError: No folder of a study, or one without answers where these are needed.
    """
    if not folder.is_dir():
        raise RunError(f"no folder of a study at {folder}: run the study first")
    if answered and not (folder / ANSWERS).is_file():
        raise RunError(f"{folder} holds no answers yet: run the study first")
    return open_study(file, folder, size=size)


def choose_questions(numbers: Sequence[int]) -> list[Question]:
    """The questions of these numbers; all if there is none. Raises `OptionError` for a number without a question."""
    known = {question.number: question for question in QUESTIONS}
    unknown = [number for number in numbers if number not in known]
    if unknown:
        raise OptionError(f"there is no question {unknown[0]}: use {', '.join(map(str, known))}")
    return [known[number] for number in dict.fromkeys(numbers)] if numbers else list(QUESTIONS)
