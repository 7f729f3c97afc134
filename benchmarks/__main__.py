"""The benchmarks as commands: `python -m benchmarks scoring --records 1 --rounds 1`, in the root of a checkout."""

import sys
from collections.abc import Sequence
from json import dumps
from pathlib import Path
from typing import Annotated, Literal

import polars as pl
from cyclopts import App, CycloptsError, Parameter

from benchmarks.workload import Trainer, Workload
from laborllm.cli.main import one_line
from laborllm.cli.options import EVERY_OPTION, AsJson, Memory, PanelFile, RunFolder, Seed
from laborllm.errors import LaborLLMError, RunError
from laborllm.lm.scoring.options import ScoringOptions
from laborllm.models.language.specs import SMOLLM2
from laborllm.runtime import set_up_process

Base = Annotated[str, Parameter(help="Base model: a name that `laborllm models` lists, a folder or a GGUF file.")]

WORKLOAD, DEFAULT = Workload(SMOLLM2), ScoringOptions()

app = App(
    name="python -m benchmarks", help="Measure speed on this machine.", default_parameter=EVERY_OPTION, version_flags=[]
)


@app.command
def scoring(
    *,
    base: Base = SMOLLM2,
    records: Annotated[int, Parameter(help="How many records of a synthetic career of 25 to score.")] = 3,
    titles: Annotated[
        int, Parameter(help="Titles of each record that are compared; methods of one pass a title score these only.")
    ] = 4,
    rounds: Annotated[int, Parameter(help="How often each method scores them, in turn; medians are shown.")] = 3,
    vllm_python: Annotated[
        Path | None, Parameter(help="Python of an environment with vLLM; default: vLLM takes no part.")
    ] = None,
    out: Annotated[
        Path | None, Parameter(help="Folder to write: the table as Parquet, CSV and Markdown, and a figure as SVG.")
    ] = None,
    seed: Seed = 0,
    json: AsJson = False,
) -> None:
    """Measure how many records a second each method of scoring all titles does, ours and those of other tools.

    The other tools are the plain forward pass of transformers, its KV cache of the prompt, lm-evaluation-harness
    (extra `bench`) and vLLM. All are compared with naive scoring in float64.
    """
    from benchmarks.scoring import measure_scoring
    from laborllm.storage import require_free

    if out is not None:
        require_free(out)
    found, rate = measure_scoring(base, records=records, titles=titles, rounds=rounds, vllm=vllm_python, seed=seed)
    if out is not None:
        _write_speed(out, found)
    _show_speeds("methods", found, rate, json=json)


@app.command
def training(
    *,
    base: Base = SMOLLM2,
    method: Annotated[
        Literal["lora", "full"], Parameter(help="Train a low-rank adapter on every linear layer, or all weights.")
    ] = WORKLOAD.method,
    careers: Annotated[int, Parameter(help="How many synthetic careers to train on.")] = WORKLOAD.careers,
    batch_size: Annotated[int, Parameter(help="Careers per optimiser step.")] = WORKLOAD.batch_size,
    rounds: Annotated[int, Parameter(help="How often each trainer trains; medians are shown.")] = 1,
    trainers: Annotated[
        list[Trainer] | None,
        Parameter(
            help="Which ones: ours, over the whole vocabulary of the base model or a closed one; SFTTrainer as it "
            "comes, with packing, or with one career a pass. Default: all."
        ),
    ] = None,
    seed: Seed = 0,
    json: AsJson = False,
) -> None:
    """Measure how fast this machine fine-tunes, and SFTTrainer of TRL on the same careers (extra `bench`)."""
    from benchmarks.training import TRAINERS, measure_training

    workload = Workload(base, method, careers, batch_size, seed=seed)
    found, rate = measure_training(workload, trainers or TRAINERS, rounds=rounds)
    _show_speeds("trainers", found, rate, json=json)


@app.command
def pruning(
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
    """Measure what pruned scoring saves over the exact tree on a fitted language model, and its error, by tolerance."""
    from benchmarks.pruning import measure_pruning
    from laborllm.lm.scoring.scorer import Scorer
    from laborllm.models.language.titles import encode
    from laborllm.models.registry import load
    from laborllm.panel import Panel
    from laborllm.report.figures import pruning as curve
    from laborllm.report.figures import to_svg
    from laborllm.storage import new_file, require_parent

    if figure is not None:
        require_parent(figure)
    model = getattr(load(run), "text_model", None)
    if model is None:
        raise RunError(f"{run} holds a model that scores no titles: give a language model's")
    encoded = encode(model.encoder, Panel.load(panel).draw("test", workers, seed=seed))
    found = measure_pruning(Scorer(model), encoded, memory=memory)
    if figure is not None:
        with new_file(figure) as file:
            file.write_text(to_svg(curve(found.filter(scoring="pruned")), "pruning"))
    if json:
        print(dumps(found.to_dicts(), indent=1))
    else:
        _show_table(found)


@app.command
def simulation(
    *,
    workers: Annotated[int, Parameter(help="How many synthetic careers to simulate.")] = 20,
    draws: Annotated[int, Parameter(help="Paths of each.")] = 1000,
    years: Annotated[int, Parameter(help="How many years.")] = 10,
    base: Annotated[str | None, Parameter(help="Base model as it comes; default: models over codes.")] = None,
    share_again: Annotated[float, Parameter(help="Share of the paths that are forecast again each year.")] = 0.02,
    seed: Seed = 0,
    json: AsJson = False,
) -> None:
    """Measure how fast careers are simulated, and what carrying a model's state along saves."""
    from benchmarks.simulation import measure_simulation

    found = measure_simulation(workers, draws, years=years, base=base, share_again=share_again, seed=seed)
    if json:
        print(dumps(found.to_dicts(), indent=1))
    else:
        _show_table(found)


@app.command
def serving(
    run: RunFolder,
    /,
    *,
    seconds: Annotated[float, Parameter(help="How long each number of clients asks.")] = 10.0,
    soak: Annotated[float, Parameter(help="How long eight clients ask at the end, six times.")] = 60.0,
    draws: Annotated[int, Parameter(help="Paths of a simulation.")] = 1000,
    seed: Seed = 0,
    json: AsJson = False,
) -> None:
    """Measure how many requests a server of a model answers: by clients at once, at its limits, and over time."""
    from benchmarks.serving import measure_serving

    found = measure_serving(run, seconds=seconds, soak=soak, draws=draws, seed=seed)
    if json:
        print(dumps(found.to_dicts(), indent=1))
    else:
        _show_table(found)


@app.command
def engines(
    *,
    workers: Annotated[int, Parameter(help="How many synthetic careers.")] = 100_000,
    folder: Annotated[Path, Parameter(help="Where panel, model and results are put.")] = Path("engines"),
    seed: Seed = 0,
    json: AsJson = False,
) -> None:
    """Measure how fast the engines of this machine are, and whether all write the same bytes, whoever is killed.

    Needs Ray (extra `scale`).
    """
    from benchmarks.engines import measure_engines

    found = measure_engines(workers, folder, seed=seed)
    if json:
        print(dumps(found.to_dicts(), indent=1))
    else:
        _show_table(found)


@app.command
def memory(
    *,
    folder: Annotated[Path, Parameter(help="Where invented models are put, some hundred megabytes each.")],
    processes: Annotated[int, Parameter(help="How many share out a model.")] = 2,
    json: AsJson = False,
) -> None:
    """Measure the memory that tuning all weights takes, alone and in shards, next to what was calculated."""
    from benchmarks.memory import measure_memory

    found = measure_memory(folder, processes)
    if json:
        print(dumps(found.to_dicts(), indent=1))
    else:
        _show_table(found)


@app.command
def resumes(
    *,
    sizes: Annotated[tuple[int, ...], Parameter(help="People, the smallest number first.")] = (5_000, 20_000, 80_000),
    folder: Annotated[Path, Parameter(help="Where resumes, panels, tokens and forecasts are put: some gigabytes.")],
    json: AsJson = False,
) -> None:
    """Measure how time and memory of import, tokens, packing and forecasts grow with the number of resumes."""
    from benchmarks.resumes import measure_resumes

    found = measure_resumes(sizes, folder)
    if json:
        print(dumps(found.to_dicts(), indent=1))
    else:
        _show_table(found)


@app.command
def scale(
    *,
    sizes: Annotated[tuple[int, ...], Parameter(help="Workers of the panels, the smallest first.")] = (8_000, 128_000),
    out: Annotated[Path, Parameter(help="Folder to write panels, models and forecasts to; new.")],
    seed: Seed = 0,
    json: AsJson = False,
) -> None:
    """Measure how time and memory of `forecast`, `simulate` and `evaluate` grow with the panel."""
    from benchmarks.scale import measure_scale
    from laborllm.storage import require_free

    require_free(out)
    found = measure_scale(list(sizes), out, seed=seed)
    if json:
        print(dumps(found.to_dicts(), indent=1))
    else:
        _show_table(found)


@app.command
def coding(
    *,
    titles: Annotated[
        Path | None,
        Parameter(help="CSV file of titles with their occ1990dd codes to code as well; columns title and code."),
    ] = None,
    seed: Annotated[int, Parameter(help="Seed of which titles are held out.")] = 0,
    json: AsJson = False,
) -> None:
    """Measure how often the coder of titles is right on titles it has not seen, and whether its confidence is true.

    It is fitted anew without each fold of O*NET's titles: some ten minutes.
    """
    from benchmarks.titles.chance import TOLERANCE, chance_to_pass
    from benchmarks.titles.measure import measure_coding
    from laborllm.occupations.coding.accuracy import accuracy_of

    asked = measure_coding(titles, seed=seed)
    found = {name: vars(accuracy_of(of)) | {"chance_to_pass": chance_to_pass(of)} for name, of in asked.items()}
    if json:
        tables = ("by_threshold", "by_decile", "by_group", "by_length")
        print(dumps({name: of | {table: of[table].to_dicts() for table in tables} for name, of in found.items()}))
        return
    for name, of in found.items():
        shares = f"{of['top_1']:.3f} right at first, {of['top_5']:.3f} among the first five"
        print(f"{name}: {of['titles']:,} titles, {shares}")
        print(f"all deciles within {TOLERANCE}, were the confidence true: {of['chance_to_pass']:.3f}")
        for table in ("by_threshold", "by_decile", "by_group", "by_length"):
            _show_table(of[table])


@app.command
def fit_coder() -> None:
    """Fit the coder of titles anew: O*NET's titles, the classifier and the weights; some three minutes."""
    from benchmarks.titles.fit import fit_coder as fit

    for kind, of in fit().items():
        voices = ", ".join(f"{voice} {weight:.2f}" for voice, weight in of.voices.items())
        print(f"{kind}: {voices}; right with log-odds {of.a:.2f} log(p) - {of.b:.2f} log(1 - p) + {of.c:.2f}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one benchmark and return its exit code: 0, or 2 for bad input, with one line on standard error."""
    set_up_process()
    try:
        app(
            list(sys.argv[1:] if arguments is None else arguments),
            exit_on_error=False,
            print_error=False,
            result_action="return_value",
        )
    except (LaborLLMError, CycloptsError) as error:
        print(f"benchmarks: {one_line(error)}", file=sys.stderr)
        return 2
    return 0


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


def _show_speeds(kind: str, found: pl.DataFrame, matmul_rate: float, *, json: bool) -> None:
    """Print a row for each method or trainer, and the machine's rate of products a second."""
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


if __name__ == "__main__":
    sys.exit(main())
