"""The verb that fits a model, with one sub-verb per model, whose options are the fields of the model's spec."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from inspect import Parameter as Argument
from inspect import Signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from laborllm.cli.fitting.curves import CURVE, draw_curves
from laborllm.cli.fitting.spec_options import options_of, spec_from, summary
from laborllm.cli.options import EVERY_OPTION, NATURAL, ConfigFile, PanelFile, RunOut, Seed
from laborllm.models.registry import MODELS, spec_class

if TYPE_CHECKING:
    from laborllm.models.contract import Fitted, Spec

EXAMPLES = {
    "oracle": "synthetic.parquet --out runs/oracle",
    "off-the-shelf": "nlswork.parquet --title-list --examples 3 --out runs/off-the-shelf",
    "language-model": "nlswork.parquet --careers 500 --out runs/language-model",
    "title-head": "nlswork.parquet --careers 500 --out runs/title-head",
    "embedding-logit": "nlswork.parquet --careers 500 --out runs/embedding-logit",
    "mixture": "runs/transition language-model.parquet nlswork.parquet --out runs/mixture",
}
WITHOUT_TRAINING = {"oracle", "off-the-shelf", "mixture"}

Careers = Annotated[
    int | None, Parameter(help="Train on this many careers, drawn at random; default: all of split train.")
]
Resampled = Annotated[
    int | None,
    Parameter(
        help="Train on careers drawn with replacement, by household where the panel has them, with this seed: a refit "
        "for `group --refits`; default: on each once.",
        validator=NATURAL,
    ),
]
Members = Annotated[list[Path], Parameter(help="Run folders, and files of forecasts, two or more.")]

fit = App(
    name="fit",
    help="Fit an occupation model on the train split of a panel, and write a run folder.",
    default_parameter=EVERY_OPTION,
)


def fit_and_report(
    spec: "Spec",
    panel: Path,
    *,
    out: Path,
    seed: int = 0,
    careers: int | None = None,
    resampled: int | None = None,
    config: Path | None = None,
) -> None:
    """Fit a model, write its run folder, and say in a line what is in it.

    Args:
        spec: What to fit.
        panel: The panel file.
        out: The run folder.
        seed: Decides everything random.
        careers: Train on this many careers; None: all.
        resampled: Train on careers drawn with replacement, with this seed; None: on each once.
        config: File of options, which has been read by now.
    """
    from laborllm import api
    from laborllm.training.folder import training_folder

    training = training_folder(out)
    try:
        with _terminated_as_interrupted():
            fitted = api.fit(spec, panel, seed=seed, out=out, careers=careers, resampled=resampled)
    except KeyboardInterrupt as interrupt:
        kept = f"{training} keeps what was trained: the same command resumes from there"
        nothing = "nothing was kept yet: the same command begins again"
        raise KeyboardInterrupt(kept if training.is_dir() else nothing) from interrupt
    if os.environ.get("RANK", "0") != "0":  # of the processes of torchrun, the first writes and tells
        return
    if (out / CURVE).is_file():
        draw_curves({"validation": out}, out / "curve.svg")
    print(f"{out}: {description(fitted)}", file=sys.stderr)


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """Let SIGTERM, which a scheduler sends before it kills, end the work within as Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():  # the only one that may set what a signal does
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def description(fitted: "Fitted") -> str:
    """What a run folder holds, in a line."""
    record = fitted.record
    whole = f"{fitted.spec.name} model of {len(record.taxonomy)} occupations, fitted on {record.records:,} records of "
    whole += f"{record.workers:,} workers of {record.dataset}"
    metrics = [f"{name} {value:,.4g}" for name, value in fitted.metrics.items()]
    return "; ".join([whole, *metrics])


SHARED = {
    "out": Argument("out", Argument.KEYWORD_ONLY, annotation=RunOut),
    "seed": Argument("seed", Argument.KEYWORD_ONLY, default=0, annotation=Seed),
    "config": Argument("config", Argument.KEYWORD_ONLY, default=None, annotation=ConfigFile),
    "careers": Argument("careers", Argument.KEYWORD_ONLY, default=None, annotation=Careers),
    "resampled": Argument("resampled", Argument.KEYWORD_ONLY, default=None, annotation=Resampled),
}
OF_TRAINING = ("careers", "resampled")
"""The options of every fit, whatever the model; only models that are trained take a part of the careers, or a draw."""


def spec_command(
    kind: "type[Spec]", run: Callable[..., None], *, about: str, example: str, more: Sequence[Argument] = ()
) -> Callable[..., None]:
    """A command whose options are those of a fit and of a spec.

    Args:
        kind: Class of the spec.
        run: What to call, with the spec, the panel file, and the options of every fit and `more` by name.
        about: What the command does.
        example: What to type after `laborllm`.
        more: Further parameters of the command.
    """
    takes_members = kind.name == "mixture"
    shared = [
        argument for key, argument in SHARED.items() if key not in OF_TRAINING or kind.name not in WITHOUT_TRAINING
    ]
    arguments = [*_positional(takes_members), *shared, *more, *(option.argument for option in options_of(kind))]

    def command(*positional: Any, **given: Any) -> None:
        panel = given.pop("panel", None) or positional[-1]
        filled = {"members": tuple(positional[0])} if takes_members else {}
        if given.get("examples"):
            filled["panel_file"] = panel
        own = {argument.name: given.pop(argument.name) for argument in (*shared, *more) if argument.name in given}
        run(spec_from(kind, given | filled), panel, **own)

    command.__signature__ = Signature(arguments)  # type: ignore[attr-defined]
    command.__annotations__ = {argument.name: argument.annotation for argument in arguments}
    command.__doc__ = f"{about}\n\nExample: `laborllm {example}`"
    return command


def _positional(takes_members: bool) -> list[Argument]:
    if takes_members:
        members = Argument("members", Argument.POSITIONAL_ONLY, annotation=Members)
        return [members, Argument("panel", Argument.POSITIONAL_ONLY, annotation=PanelFile)]
    return [Argument("panel", Argument.POSITIONAL_OR_KEYWORD, annotation=PanelFile)]


for _name in MODELS:
    _kind = spec_class(_name)
    _example = EXAMPLES.get(_name, f"nlswork.parquet --out runs/{_name}")
    _command = spec_command(_kind, fit_and_report, about=summary(_kind), example=f"fit {_name} {_example}")
    fit.command(_command, name=_name)
