"""The verb that goes the whole path on public data."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from laborllm.cli.options import Seed
from laborllm.cli.places import TO_DEMO


def demo(
    *,
    out: Annotated[
        Path, Parameter(help="Folder to write; one that is there goes if nobody has changed it."), TO_DEMO
    ] = Path("demo"),
    seed: Seed = 0,
) -> None:
    """Go the whole path on public data: import nlswork, fit three models, evaluate them, write a report.

    Reads fewer careers on a machine that is too slow for ten minutes, and says so.

    Example: `laborllm demo --out demo`
    """
    from laborllm.demo import run_demo

    run_demo(out, seed=seed)
