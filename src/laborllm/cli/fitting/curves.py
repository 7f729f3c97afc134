"""The verb that draws what was learnt from how many careers."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import polars as pl
from cyclopts import Parameter

from laborllm.cli.naming import paths_by_name
from laborllm.cli.places import TO_FILE
from laborllm.errors import RunError

CURVE = "curve.csv"


def curves(
    runs: Annotated[
        list[str],
        Parameter(
            help="Run folders of trained models; the figure calls each by the name of its folder, or by NAME where "
            "NAME=RUN is given."
        ),
    ],
    /,
    *,
    out: Annotated[Path, Parameter(help="SVG file to write."), TO_FILE],
) -> None:
    """Draw the learning curves of several runs in one figure: validation perplexity by careers seen.

    Example: `laborllm curves runs/small runs/paper --out curves.svg`
    """
    draw_curves(paths_by_name(runs), out)


def draw_curves(runs: Mapping[str, Path], out: Path) -> None:
    """Draw learning curves under the names that the figure shows.

    The first point, before any career, is left out. Raises `RunError` for a run without a curve.
    """
    from laborllm.models.runs.run_folder import FEW_VALIDATED, read_run
    from laborllm.privacy.outputs import Output, new_output
    from laborllm.report.figures import learning_curve, to_svg
    from laborllm.training.curve import read_curve

    for run in runs.values():
        if not (run / CURVE).is_file():
            raise RunError(f"{run} has no {CURVE}: it is no run folder of a model that is trained step by step")
    rows = [
        {"series": name, "careers": point.careers, "perplexity": point.valid_perplexity}
        for name, run in runs.items()
        for point in read_curve(run / CURVE)[1:]
    ]
    few = any(read_run(run).record.few_validated for run in runs.values())
    with new_output(out, [Output("learning curves", refused=FEW_VALIDATED if few else "")]) as file:
        file.write_text(to_svg(learning_curve(pl.DataFrame(rows)), "curve"))
