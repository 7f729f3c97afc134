"""The verb that writes a panel for other programs, with one sub-verb per layout."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from laborllm.cli.options import PanelFile

export = App(name="export", help="Write a panel in the layout of another program.")


@export.command(name="career")
def export_career(panel: PanelFile, /, *, out: Annotated[Path, Parameter(help="Folder to write; new.")]) -> None:
    """Write the files that CAREER's own code reads: per split and variable one text file, a line per worker.

    Example: `laborllm export career nlsy97.parquet --out layout`
    """
    from laborllm.panel import Panel
    from laborllm.sources.career_layout import export_career

    export_career(Panel.load(panel), out)
