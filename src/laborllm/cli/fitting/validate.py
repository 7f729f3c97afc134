"""The verb that goes through a fit without fitting."""

from dataclasses import asdict
from inspect import Parameter as Argument
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING

from laborllm.cli.fitting.fit import spec_command
from laborllm.cli.options import AsJson
from laborllm.models.language.specs import LanguageModel
from laborllm.privacy import SMALLEST_CELL

if TYPE_CHECKING:
    from laborllm.models.language.dry_run import DryRun


def dry_run_and_report(
    spec: LanguageModel,
    panel: Path,
    *,
    out: Path,
    seed: int = 0,
    careers: int | None = None,
    resampled: int | None = None,
    config: Path | None = None,
    json: bool = False,
) -> None:
    """Go through a fit without writing anything, and say what it will take.

    Args:
        spec: What would be fitted.
        panel: The panel file.
        out: The run folder that would be written.
        seed: Decides everything random.
        careers: Train on this many careers; None: all.
        resampled: Train on careers drawn with replacement, with this seed; None: on each once.
        config: File of options, which has been read by now.
        json: Print JSON for a script.
    """
    from laborllm import api
    from laborllm.models.language.dry_run import dry_run
    from laborllm.storage import require_free

    if out.exists():
        require_free(out)  # a folder that is missing above it is made by the fit
    data = api.read_panel(panel)
    data = data if careers is None else data.with_training(careers, seed=seed)
    found = dry_run(spec, data if resampled is None else data.resampled(seed=resampled), seed=seed)
    print(dumps(_shown(found) | {"out": str(out)}, indent=1) if json else _described(found, out))


def _shown(found: "DryRun") -> dict[str, object]:
    """The fields, without a number of careers that is of few."""
    numbers = asdict(found)
    small = [name for name in ("careers", "valid_careers") if numbers[name] < SMALLEST_CELL]
    return numbers | dict.fromkeys(small)


def _described(found: "DryRun", out: Path) -> str:
    few = found.valid_careers < SMALLEST_CELL
    valid = f"fewer than {SMALLEST_CELL}" if few else f"{found.valid_careers:,}"
    lines = {
        "data": f"{found.careers:,} training careers of {found.tokens:,} tokens, {valid} to validate",
        "context": f"the longest career has up to {found.longest:,} tokens, the model reads {found.context:,}",
        "training": f"{found.steps:,} steps of {found.trained:,} weights, {found.validation_steps:,} validation steps",
        "time": f"about {found.seconds / 60:,.0f} minutes, at {found.tokens_per_second:,.0f} tokens/s",
        "memory": f"{found.memory / 1e6:,.0f} MB so far",
        "checkpoints": f"two of {found.checkpoint / 1e6:,.0f} MB in {out}.training while it trains",
        "result": str(out),
    }
    return "\n".join(f"{name:<12}{text}" for name, text in lines.items())


validate = spec_command(
    LanguageModel,
    dry_run_and_report,
    about="Dry run of `fit language-model`: read and check everything, take three steps, say what the fit will take. "
    "Writes nothing.",
    example="validate nlswork.parquet --preset paper --out runs/language-model",
    more=[Argument("json", Argument.KEYWORD_ONLY, default=False, annotation=AsJson)],
)
