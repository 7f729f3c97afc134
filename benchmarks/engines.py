"""The engines on one machine: how fast each is, and that all write the same bytes, whoever is killed on the way."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

import laborllm as ll
from laborllm.errors import RunError
from laborllm.storage import file_hash, make_folder

RAY = ("--engine", "ray", "--processes", "2")
KILLED = "Ray, an actor and the driver killed"
LOCAL: dict[str, tuple[str, ...]] = {"one process": (), "two processes": ("--processes", "2")}
ENGINES = LOCAL | {"Ray, two actors": RAY, KILLED: RAY}
VERBS: dict[str, tuple[str, ...]] = {
    "forecast": (),
    "simulate": ("--years", "2031", "2033", "--draws", "50", "--top", "5"),
}
READY_BEFORE_A_KILL = 3  # shards


def measure_engines(
    workers: int, folder: Path, *, engines: Mapping[str, Sequence[str]] = ENGINES, seed: int = 0
) -> pl.DataFrame:
    """Forecast and simulate synthetic careers on every engine of this machine.

    Args:
        workers: How many careers.
        folder: Where to put panel, model and results; some gigabytes for 100,000 careers.
        engines: Options of each engine; the first is what the others are compared with.
        seed: Seed of the careers.

    Returns:
        Columns verb, engine, seconds, workers_per_second and same_bytes (as the first engine).

    Raises:
        RunError: A command failed.
    """
    make_folder(folder)
    panel, run = folder / "panel.parquet", folder / "run"
    if not run.is_dir():
        ll.import_synthetic(workers=workers, seed=seed).save(panel)
        ll.fit("transition", panel, out=run)
    rows = []
    for verb, options in VERBS.items():
        expected = None
        for engine, where in engines.items():
            out = folder / "result.parquet"
            shutil.rmtree(f"{out}.shards", ignore_errors=True)
            command = [
                sys.executable,
                "-m",
                "laborllm",
                verb,
                str(run),
                str(panel),
                *options,
                *where,
                "--out",
                str(out),
            ]
            start = time.monotonic()
            if engine == KILLED:
                _run_and_kill(command, out)
            _run(command)
            seconds = time.monotonic() - start
            found = file_hash(out)
            expected = expected or found
            rows.append((verb, engine, seconds, workers / seconds, found == expected))
            out.unlink()
    return pl.DataFrame(rows, ["verb", "engine", "seconds", "workers_per_second", "same_bytes"], orient="row")


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RunError(f"{' '.join(command)} failed: {done.stderr.strip()}")


def _run_and_kill(command: Sequence[str], out: Path) -> None:
    """Run a command on a cluster, kill one of its actors on the way, and then the command itself."""
    shards = Path(f"{out}.shards")
    driver = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    before = 0
    for victims in (_actors, lambda: [driver.pid]):
        while driver.poll() is None and len([*shards.glob("[0-9]*.parquet")]) < before + READY_BEFORE_A_KILL:
            time.sleep(0.05)
        before = len([*shards.glob("[0-9]*.parquet")])
        os.kill(victims()[0], signal.SIGKILL)
    if driver.wait() == 0:
        raise RunError(f"{' '.join(command)} ended before it could be killed: take more careers")


def _actors() -> list[int]:
    """Processes of Ray actors that hold a model."""
    found = subprocess.run(["pgrep", "-f", "ray::.*(Map|Actor)"], capture_output=True, text=True)
    return [int(process) for process in found.stdout.split()]
