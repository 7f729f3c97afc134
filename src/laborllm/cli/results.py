"""Verbs that use what was fitted: forecasts, evaluations, and lists of what there is."""

import sys
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import polars as pl
from cyclopts import App, Parameter

from laborllm.bench.exercise import Exercise, Trainer
from laborllm.cli.options import (
    EVERY_OPTION,
    SMOLLM2,
    AsJson,
    Base,
    LargestCost,
    LargestShift,
    Memory,
    PanelFile,
    RunFolder,
    Scoring,
    ScoringWeights,
    Seed,
    Tolerance,
)
from laborllm.errors import ModelError
from laborllm.lm.scoring.options import ScoringOptions
from laborllm.storage import MARKER

if TYPE_CHECKING:
    from laborllm.models.contract import Forecaster
    from laborllm.panel import Panel


DEFAULT = ScoringOptions()
EXERCISE = Exercise(SMOLLM2)


def forecast(
    run: RunFolder,
    panel: PanelFile,
    /,
    *,
    out: Annotated[Path, Parameter(help="Parquet file to write.")],
    split: Annotated[
        Literal["train", "valid", "test"] | None, Parameter(help="Forecast the workers of one split; else all.")
    ] = None,
    workers: Annotated[int | None, Parameter(help="Forecast this many of them, drawn at random.")] = None,
    seed: Seed = 0,
    scoring: Scoring = DEFAULT.method,
    tolerance: Tolerance = DEFAULT.tolerance,
    memory: Memory = DEFAULT.memory,
    scoring_weights: ScoringWeights = DEFAULT.weights,
    largest_cost: LargestCost = DEFAULT.largest_cost,
    largest_shift: LargestShift = DEFAULT.largest_shift,
) -> None:
    """Write the probability of every occupation for every record of a panel, each given the records before it.

    A forecast that is interrupted goes on where it stopped when the same command is given again: the parts that are
    ready stand beside the file until it is whole.

    Example: `laborllm forecast runs/transition nlswork.parquet --out forecast.parquet`
    """
    from laborllm.forecasting.shards import forecast_to_file
    from laborllm.models.registry import load_model
    from laborllm.panel import Panel

    options = ScoringOptions(scoring, tolerance, memory, scoring_weights, largest_cost, largest_shift)
    model = load_model(run, options)
    careers = Panel.load(panel).draw(split, workers, seed=seed)
    forecast_to_file(model, careers, out, identity=f"{(run / MARKER).read_text()}\n{options}")


def evaluate(
    runs: Annotated[
        list[Path],
        Parameter(
            help="Run folders, and files of forecasts; the tables call each model by its folder's or file's name."
        ),
    ],
    panel: PanelFile,
    /,
    *,
    out: Annotated[
        Path | None, Parameter(help="HTML report to write; without it the tables are printed alone.")
    ] = None,
    split: Annotated[Literal["train", "valid", "test"], Parameter(help="Whose careers to evaluate on.")] = "test",
    workers: Annotated[int | None, Parameter(help="Evaluate on this many of them, drawn at random.")] = None,
    likelihood_only: Annotated[
        bool, Parameter(help="Score only the observed occupations: quicker, and gives raw perplexity alone.")
    ] = False,
    scoring: Scoring = DEFAULT.method,
    tolerance: Tolerance = DEFAULT.tolerance,
    memory: Memory = DEFAULT.memory,
    scoring_weights: ScoringWeights = DEFAULT.weights,
    largest_cost: LargestCost = DEFAULT.largest_cost,
    largest_shift: LargestShift = DEFAULT.largest_shift,
    reference: Annotated[str | None, Parameter(help="Model that the others are compared with; else the first.")] = None,
    draws: Annotated[int, Parameter(help="Bootstrap draws of workers.")] = 1000,
    seed: Seed = 0,
    json: AsJson = False,
) -> None:
    """Put fitted models side by side on the same held-out workers, with intervals that resample workers.

    Example: `laborllm evaluate runs/transition runs/language-model nlswork.parquet --out report.html`
    """
    from laborllm.evaluation.compare import compare
    from laborllm.panel import Panel
    from laborllm.report.html import write_report
    from laborllm.report.terminal import show

    loaded = Panel.load(panel)
    options = ScoringOptions(scoring, tolerance, memory, scoring_weights, largest_cost, largest_shift)
    found = compare(
        _load_by_name(runs, loaded, options),
        loaded,
        split=split,
        workers=workers,
        likelihood_only=likelihood_only,
        reference=reference,
        draws=draws,
        seed=seed,
    )
    if out is not None:
        title = f"Forecasts of the next occupation, {loaded.dataset}"
        write_report(out, found, title=title, facts=facts(loaded, split, workers))
        print(f"{out}: the report", file=sys.stderr)
    if json:
        print(found.to_json())
    else:
        show(found)


def facts(panel: "Panel", split: str, workers: int | None = None) -> dict[str, str]:
    """What a report says of the panel and of who was evaluated: all workers of a split, or so many of them."""
    size = f"{len(panel):,} records of {panel.workers:,} workers"
    drawn = "all" if workers is None else f"{workers:,} drawn at random"
    return {
        "Panel": f"{panel.dataset}: {size}, from {panel.provenance.source}",
        "Taxonomy": f"{panel.taxonomy.name}, {len(panel.taxonomy)} entries",
        "Evaluated on": f"workers of split {split}: {drawn}",
        "Fingerprint": panel.fingerprint,
    }


def _load_by_name(runs: list[Path], panel: "Panel", scoring: ScoringOptions) -> dict[str, "Forecaster"]:
    from laborllm.models.registry import load_forecaster

    names = [run.resolve().name.removesuffix(".parquet") for run in runs]
    for name in names:
        if names.count(name) > 1:
            raise ModelError(f"two runs are called {name}: the tables could not tell them apart, rename one")
    return {name: load_forecaster(run, scoring, held_out_by=panel) for name, run in zip(names, runs, strict=True)}


def models(*, json: AsJson = False) -> None:
    """List the occupation models that can be fitted, and the base models that are on this machine.

    Example: `laborllm models`
    """
    from laborllm.lm.base.load import list_base_models
    from laborllm.models.registry import MODELS

    bases = list_base_models()
    if json:
        print(
            dumps(
                {"models": sorted(MODELS), "base_models": [{"name": base.name, "about": base.about} for base in bases]}
            )
        )
        return
    print("Occupation models, for laborllm fit MODEL:", *sorted(MODELS), sep="\n  ")
    print("\nBase models, for --base:", *(f"{base.name}: {base.about}" for base in bases), sep="\n  ")
    print("  any causal language model of Hugging Face, by its name or its folder")


def demo(
    *,
    out: Annotated[Path, Parameter(help="Folder to write; it must not exist.")] = Path("demo"),
    seed: Seed = 0,
) -> None:
    """Go the whole path on public data: import nlswork, fit three models, evaluate them, write a report.

    Example: `laborllm demo --out demo`
    """
    from laborllm.demo import run_demo

    run_demo(out, seed=seed)


bench = App(name="bench", help="Measure speed on this machine.", default_parameter=EVERY_OPTION)


@bench.command(name="scoring")
def bench_scoring(
    *,
    base: Base = SMOLLM2,
    records: Annotated[int, Parameter(help="How many records of a synthetic career of 25 to score.")] = 3,
    titles: Annotated[
        int, Parameter(help="Titles of each record that are compared, and all that a pass for each title is given.")
    ] = 4,
    rounds: Annotated[int, Parameter(help="How often each way scores them, in turn; medians are shown.")] = 3,
    vllm_python: Annotated[
        Path | None, Parameter(help="Python of an environment with vLLM; without it vLLM takes no part.")
    ] = None,
    out: Annotated[
        Path | None, Parameter(help="Folder to write: the table as Parquet, CSV and Markdown, and a figure as SVG.")
    ] = None,
    seed: Seed = 0,
    json: AsJson = False,
) -> None:
    """Measure how many records a second each way of scoring all titles does, ours and those of other tools.

    Beside the ways of this project stand the plain forward pass of transformers, its reuse of the prompt's keys and
    values, lm-evaluation-harness (extra `bench`) and vLLM. All are set against naive scoring in float64.

    Example: `laborllm bench scoring --records 1 --rounds 1`
    """
    from laborllm.bench.scoring import measure_scoring
    from laborllm.storage import require_free

    if out is not None:
        require_free(out)
    found, rate = measure_scoring(base, records=records, titles=titles, rounds=rounds, vllm=vllm_python, seed=seed)
    if out is not None:
        _write_speed(out, found)
    _show_speeds("methods", found, rate, json=json)


def _write_speed(out: Path, found: pl.DataFrame) -> None:
    from laborllm.report.figures import rates, to_svg
    from laborllm.storage import new_folder

    all_titles = found.filter(pl.col("titles") > 1)
    drawn = all_titles.select(pl.col("method").alias("model"), pl.col("records_per_second").alias("estimate"))
    with new_folder(out) as folder:
        found.write_parquet(folder / "scoring.parquet")
        found.write_csv(folder / "scoring.csv")
        (folder / "scoring.md").write_text(_markdown(found))
        (folder / "scoring.svg").write_text(to_svg(rates(drawn), "scoring"))


@bench.command(name="training")
def bench_training(
    *,
    base: Base = SMOLLM2,
    method: Annotated[
        Literal["lora", "full"], Parameter(help="Train a low-rank adapter on every linear layer, or all weights.")
    ] = EXERCISE.method,
    careers: Annotated[int, Parameter(help="How many synthetic careers to train on.")] = EXERCISE.careers,
    batch_size: Annotated[int, Parameter(help="Careers per optimiser step.")] = EXERCISE.batch_size,
    rounds: Annotated[int, Parameter(help="How often each trainer trains; medians are shown.")] = 1,
    trainers: Annotated[
        list[Trainer] | None,
        Parameter(
            help="Which ones: ours, over the whole vocabulary of the base model or a closed one; SFTTrainer as it "
            "comes, with packing, or with one career a pass. Else all.",
        ),
    ] = None,
    seed: Seed = 0,
    json: AsJson = False,
) -> None:
    """Measure how fast this machine fine-tunes, beside SFTTrainer of TRL on the same careers (extra `bench`).

    Example: `laborllm bench training --method lora --rounds 3`
    """
    from laborllm.bench.training import TRAINERS, measure_training

    exercise = Exercise(base, method, careers, batch_size, seed=seed)
    found, rate = measure_training(exercise, trainers or TRAINERS, rounds=rounds)
    _show_speeds("trainers", found, rate, json=json)


def _show_speeds(kind: str, found: pl.DataFrame, matmul_rate: float, *, json: bool) -> None:
    """Print how fast things of one kind are, a row each, and the machine's rate of products a second."""
    if json:
        print(dumps({"matmul_gflops": matmul_rate / 1e9, kind: found.to_dicts()}, indent=1))
        return
    print(f"products of large matrices: {matmul_rate / 1e9:,.1f} Gflop/s")
    _show_table(found)


def _markdown(found: pl.DataFrame) -> str:
    """A table of three significant digits."""
    shown = found.with_columns(pl.col(pl.Float64).round_sig_figs(3))
    with pl.Config(
        tbl_formatting="MARKDOWN",
        tbl_hide_column_data_types=True,
        tbl_hide_dataframe_shape=True,
        tbl_cols=-1,
        tbl_rows=-1,
        tbl_width_chars=-1,
        fmt_float="full",
    ):
        return f"{shown}\n"


def _show_table(found: pl.DataFrame) -> None:
    with pl.Config(tbl_cols=-1, tbl_rows=-1, tbl_width_chars=140, float_precision=5):
        print(found)


@bench.command(name="pruning")
def bench_pruning(
    run: RunFolder,
    panel: PanelFile,
    /,
    *,
    workers: Annotated[int, Parameter(help="How many workers of split test to score, drawn at random.")] = 10,
    memory: Memory = DEFAULT.memory,
    seed: Seed = 0,
    figure: Annotated[Path | None, Parameter(help="SVG file to draw the curve into.")] = None,
    json: AsJson = False,
) -> None:
    """Measure what `--scoring pruned` saves over `tree` on a fitted language model, and its error, by tolerance.

    Example: `laborllm bench pruning runs/language-model nlsy97.parquet --workers 10`
    """
    from laborllm.bench.pruning import measure_pruning
    from laborllm.models.language.titles import encode
    from laborllm.models.registry import load_scorer
    from laborllm.panel import Panel
    from laborllm.report.figures import pruning, to_svg
    from laborllm.storage import new_file, require_parent

    if figure is not None:
        require_parent(figure)
    scorer = load_scorer(run)
    careers = encode(scorer.encoder, Panel.load(panel).draw("test", workers, seed=seed))
    found = measure_pruning(scorer, careers, memory=memory)
    if figure is not None:
        with new_file(figure) as file:
            file.write_text(to_svg(pruning(found.filter(scoring="pruned")), "pruning"))
    if json:
        print(dumps(found.to_dicts(), indent=1))
    else:
        _show_table(found)


@bench.command(name="coding")
def bench_coding(
    *,
    seed: Annotated[int, Parameter(help="Seed of which titles are held out.")] = 0,
    json: AsJson = False,
) -> None:
    """Measure how often the coder of titles is right on titles it has not seen, by the confidence that is asked for.

    Example: `laborllm bench coding`
    """
    from laborllm.occupations.coding import measure_accuracy

    found = measure_accuracy(seed=seed)
    if json:
        print(dumps({**vars(found), "by_threshold": found.by_threshold.to_dicts()}, indent=1))
        return
    print(f"{found.titles:,} titles held out: {found.top_1:.3f} right at first, {found.top_5:.3f} among the first five")
    print(found.by_threshold)
    print("Log-odds of being right: {:.3f} + {:.3f} times those of the confidence".format(*found.calibration))
