"""The verb that runs a study: the questions of LABOR-LLM on one's own panels, their confirmation and their package."""

import sys
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from laborllm.cli.options import EVERY_OPTION
from laborllm.cli.places import TO_FILE, TO_FOLDER, TO_PACKAGE

study = App(
    name="study",
    help="Answer the questions of LABOR-LLM on your own panels, confirm the figures, and pack them for a data editor.",
    default_parameter=EVERY_OPTION,
)


@study.default
def run(
    file: Path,
    /,
    *,
    out: Annotated[Path, TO_FOLDER],
    size: Literal["smoke", "cpu", "full"] = "cpu",
    questions: tuple[int, ...] = (),
    processes: int = 1,
) -> None:
    """Answer the questions of a study: each with a table, a figure, and a verdict on what the paper claims.

    The folder gets `report.html`, the tables as CSV and LaTeX, the figures as SVG, and every run, so that the same
    command resumes a study that was interrupted, and another question costs only what it adds.

    Example: `laborllm study studies/nlsy97.yaml --out study --size smoke`

    Args:
        file: Study file: its title, its panels, and which questions.
        out: Folder of the study; what an earlier one left there is kept and used.
        size: smoke: a minute, on synthetic panels; cpu: hours of two cores; full: with a GPU.
        questions: Numbers of questions; default: those of the file.
        processes: Fits and forecasts made at once.
    """
    from laborllm.studies.protocol.report import REPORT
    from laborllm.studies.run import run_study

    answers = run_study(file, out, size=size, questions=questions, processes=processes)
    for question, answer in answers.items():
        print(f"{question.number}. {question.title}\n   {answer.verdict.holds}: {answer.verdict.why}")
    print(f"{out / REPORT}: the report", file=sys.stderr)


StudyFilePath = Annotated[Path, Parameter(help="Study file: its title, its panels, and which questions.")]
StudyFolder = Annotated[Path, Parameter(name="--study", help="Folder of the study, as `laborllm study` writes it.")]
SizeOf = Annotated[Literal["smoke", "cpu", "full"], Parameter(help="Size of the study.")]


@study.command(name="plan")
def plan(
    file: StudyFilePath,
    /,
    *,
    folder: StudyFolder,
    out: Annotated[Path, TO_FILE],
    size: SizeOf = "cpu",
    seed: int | None = None,
) -> None:
    """Freeze panels, models, questions and the split seeds of a confirmation, with a date and a hash.

    Example: `laborllm study plan studies/nlsy97.yaml --study study --out plan.json`

    Args:
        out: File of the plan; it must not exist, or hold this very plan.
        seed: Seed of the folds, and those after it of repeats; default: drawn, so that nobody has seen them.
    """
    from laborllm.studies.confirmation.plan import make_plan
    from laborllm.studies.run import choose_questions, find_study

    opened = find_study(file, folder, size=size)
    made = make_plan(opened, size, choose_questions(opened.file.questions), out, seed=seed)
    print(f"{out}: the plan, made {made['made']}, hash {made['hash']}", file=sys.stderr)


@study.command(name="confirm")
def confirm(
    plan: Annotated[Path, Parameter(help="Plan, as `laborllm study plan` writes it.")],
    /,
    *,
    out: Annotated[Path, Parameter(help="Folder of the confirmation."), TO_FOLDER],
    processes: Annotated[int, Parameter(help="Fits and forecasts made at once.")] = 1,
) -> None:
    """Fit and forecast on fresh folds, every worker held out once in a repeat, and answer the plan. It is done once.

    A confirmation that was interrupted resumes. When the plan was opened and answered stands in a file next to it.

    Example: `laborllm study confirm plan.json --out confirmation`
    """
    from laborllm.studies.confirmation.confirm import confirm as confirm_plan

    found = confirm_plan(plan, out, processes=processes)
    for table in found.tables.values():
        print(f"{table.title}\n{table.to_csv()}{table.note}\n")


@study.command(name="package")
def package(
    file: StudyFilePath,
    /,
    *,
    folder: StudyFolder,
    out: Annotated[Path, TO_PACKAGE],
    size: SizeOf = "cpu",
    plan: Path | None = None,
) -> None:
    """Write a replication package: what was found, how to repeat it, and no record of any person.

    Example: `laborllm study package studies/nlsy97.yaml --study study --out package`

    Args:
        out: Folder of the package; one that is there goes if nobody has changed it.
        plan: The plan that was confirmed, if one was.
    """
    from laborllm.studies.confirmation.package import make_package
    from laborllm.studies.run import find_study

    make_package(find_study(file, folder, size=size, answered=True), size, out, plan=plan)
    print(f"{out}: the package; begin with README.md", file=sys.stderr)
