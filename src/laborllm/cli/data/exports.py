"""The verb that writes panels and fitted models for other programs, with one sub-verb per layout."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from laborllm.cli.options import EVERY_OPTION, PanelFile, RunFolder
from laborllm.cli.places import TO_LAYOUT, TO_MODEL

export = App(
    name="export",
    help="Write a panel, or a fitted model, in the layout of another program.",
    default_parameter=EVERY_OPTION,
)


@export.command(name="career")
def export_career(
    panel: PanelFile,
    /,
    *,
    out: Annotated[
        Path, Parameter(help="Folder to write; one that is there goes if nobody has changed it."), TO_LAYOUT
    ],
) -> None:
    """Write the files that CAREER's own code reads: per split and variable one text file, a line per worker.

    Example: `laborllm export career nlsy97.parquet --out layout`
    """
    from laborllm.panel import Panel
    from laborllm.sources.career_layout import export_career

    export_career(Panel.load(panel), out)


@export.command(name="model")
def export_model(
    run: RunFolder,
    /,
    *,
    out: Annotated[Path, Parameter(help="Folder to write; one that is there goes if nobody has changed it."), TO_MODEL],
    adapter: Annotated[bool, Parameter(help="Only the adapter, for peft, without the base model.")] = False,
) -> None:
    """Write a fine-tuned language model as transformers loads it, with its tokenizer and a card on how to use it.

    Example: `laborllm export model runs/language-model --out exported`
    """
    from laborllm.models.language.export import export_model

    export_model(run, out, adapter=adapter)
