"""Charts as files: vector graphics, or a picture for a slide."""

from collections.abc import Sequence
from pathlib import Path

import vl_convert

from laborllm.errors import OptionError
from laborllm.privacy.outputs import Output, new_output
from laborllm.report.figures import Chart
from laborllm.storage import new_file

FORMATS = (".svg", ".png")
PIXELS = 2  # of a picture for each one of the chart


def require_chart(path: Path) -> None:
    """Raise `OptionError` unless a chart can be written so: call it before long work, not after."""
    if path.suffix not in FORMATS:
        raise OptionError(f"the name {path.name} does not say a kind of picture: let it end in {' or '.join(FORMATS)}")


def write_chart(chart: Chart, path: Path, *, outputs: Sequence[Output] = ()) -> None:
    """Write a chart on white as .svg or .png, as the name of `path` says.

    Args:
        chart: The chart.
        path: File to write.
        outputs: What the `disclosure.json` next to it says was checked. Default: it is not listed there.

    Raises:
        OptionError: Another ending.
        StorageError: The file cannot be written.
    """
    require_chart(path)
    drawn = chart.to_dict(validate=False)
    drawn["config"]["background"] = "white"
    with new_output(path, outputs) if outputs else new_file(path) as file:
        if path.suffix == ".svg":
            file.write_text(vl_convert.vegalite_to_svg(drawn), encoding="utf-8")
        else:
            file.write_bytes(vl_convert.vegalite_to_png(drawn, scale=PIXELS))
