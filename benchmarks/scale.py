"""How time and memory of commands grow with the panel: each on synthetic careers, in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path

import polars as pl

import laborllm as ll
from laborllm.errors import RunError

VERBS = {
    "forecast": "run panel.parquet --out forecast.parquet",
    "simulate": "run panel.parquet --years 2031 2032 --draws 10 --top 5 --out simulation.parquet",
    "evaluate": "run panel.parquet --json",
}
USED = Path(__file__).with_name("used.py").resolve()
START = ("-c", "import sys; from laborllm.cli import main; sys.exit(main(sys.argv[1:]))")


def measure_scale(sizes: list[int], folder: Path, *, seed: int = 0) -> pl.DataFrame:
    """Forecast, simulate and evaluate panels of several sizes by transition frequencies fitted on each.

    Args:
        sizes: Workers of each panel, the one that the others are compared with first.
        folder: An empty folder for panels, models and forecasts, which stay there.
        seed: Seed of the careers.

    Returns:
        Columns verb, workers, records, seconds (of the processor, start included), memory_mb (the largest resident set
        of the process), time_ratio and size_ratio (to the first size).

    Raises:
        RunError: A command failed.
    """
    rows = [row for workers in sizes for row in _measured(workers, folder / str(workers), seed)]
    found = pl.DataFrame(rows).sort("verb", maintain_order=True)
    return found.with_columns(
        time_ratio=pl.col("seconds") / pl.col("seconds").first().over("verb"),
        size_ratio=pl.col("records") / pl.col("records").first().over("verb"),
    )


def _measured(workers: int, folder: Path, seed: int) -> list[dict[str, object]]:
    folder.mkdir(parents=True)
    panel = ll.import_synthetic(workers=workers, seed=seed)
    panel.save(folder / "panel.parquet")
    ll.fit("transition", panel, out=folder / "run")
    return [
        {"verb": verb, "workers": workers, "records": len(panel), **_run((verb, *options.split()), folder)}
        for verb, options in VERBS.items()
    ]


def _run(command: tuple[str, ...], folder: Path) -> dict[str, float]:
    """Seconds of the processor, and megabytes, that a command takes in `folder`."""
    log = f"{command[0]}.log"
    started = [sys.executable, str(USED), log, sys.executable, *START, *command]
    used = subprocess.run(started, cwd=folder, stdout=subprocess.PIPE, text=True)
    if used.returncode:
        raise RunError(f"laborllm {' '.join(command)} failed: {folder / log} says why")
    return dict(json.loads(used.stdout))
