"""The verb that runs a study: the questions of LABOR-LLM on one's own panels, or several models in one table."""

import sys
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from laborllm.cli.evaluate import facts
from laborllm.cli.options import EVERY_OPTION, AsJson, PanelFile

study = App(
    name="study",
    help="Answer the questions of LABOR-LLM on your own panels; or fit several models and put them into one table.",
    default_parameter=EVERY_OPTION,
)


@study.default
def run(
    file: Annotated[Path, Parameter(help="Study file: its title, its panels, and which questions.")],
    /,
    *,
    out: Annotated[Path, Parameter(help="Folder of the study; what an earlier one left there is kept and used.")],
    size: Annotated[
        Literal["smoke", "cpu", "full"],
        Parameter(help="smoke: a minute, on synthetic panels; cpu: hours of two cores; full: with a GPU."),
    ] = "cpu",
    questions: Annotated[tuple[int, ...], Parameter(help="Numbers of questions; default: those of the file.")] = (),
    processes: Annotated[int, Parameter(help="Fits and forecasts made at once.")] = 1,
) -> None:
    """Answer the questions of a study: each with a table, a figure, and a verdict on what the paper claims.

    The folder gets `report.html`, the tables as CSV and LaTeX, the figures as SVG, and every run, so that the same
    command resumes a study that was interrupted, and another question costs only what it adds.

    Example: `laborllm study studies/nlsy97.yaml --out study --size smoke`
    """
    from laborllm.studies.protocol.report import REPORT
    from laborllm.studies.run import run_study

    answers = run_study(file, out, size=size, questions=questions, processes=processes)
    for question, answer in answers.items():
        print(f"{question.number}. {question.title}\n   {answer.verdict.holds}: {answer.verdict.why}")
    print(f"{out / REPORT}: the report", file=sys.stderr)


@study.command(name="baselines")
def study_baselines(
    panel: PanelFile,
    /,
    *,
    out: Annotated[Path, Parameter(help="Folder of the study; what an earlier one left there is kept and used.")],
    models: Annotated[
        tuple[str, ...],
        Parameter(
            help="Some of: those of the default, which are over codes; embedding-logit and title-head, which read text "
            "and take hours on a CPU; oracle, for synthetic panels."
        ),
    ] = ("plain", "two-part", "second-order", "logit", "bag-of-jobs", "nemo", "career", "mixture", "mixture-varying"),
    seeds: Annotated[tuple[int, ...], Parameter(help="Fit what is random once with each of these.")] = (0,),
    reference: Annotated[str, Parameter(help="Model that the others are compared with.")] = "two-part",
    draws: Annotated[int, Parameter(help="Bootstrap draws of workers.")] = 1000,
    json: AsJson = False,
) -> None:
    """Fit the models over codes and evaluate them on the workers held out. Takes minutes to an hour.

    The folder gets a run folder per model and seed, `report.html`, `evaluation.json`, and the tables as CSV and LaTeX.
    The same command resumes a study that was interrupted.

    Example: `laborllm study baselines nlswork.parquet --out baselines --seeds 0 1`
    """
    from laborllm.panel import Panel
    from laborllm.report.terminal import show
    from laborllm.studies.baselines import study_baselines
    from laborllm.studies.baselines_report import baseline_tables, write_study

    loaded = Panel.load(panel)
    found = study_baselines(loaded, out, baselines=models, seeds=seeds, reference=reference, draws=draws)
    title = f"Models over codes, {loaded.dataset}"
    write_study(found, out, title=title, facts=facts(loaded, "test"))
    print(f"{out}: the report and the tables", file=sys.stderr)
    if json:
        print(found.evaluation.to_json())
    else:
        show(found.evaluation, tables=baseline_tables(found))
