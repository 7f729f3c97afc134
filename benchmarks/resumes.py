"""How time and memory of each stage grow with the number of resumes: import, tokens, packing, what comes next."""

import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import date
from json import dumps, loads
from pathlib import Path

import numpy as np
import polars as pl

import laborllm as ll
from benchmarks import made_up_jobs
from laborllm.errors import RunError
from laborllm.lm.base.load import load_tokenizer, locate
from laborllm.lm.tokens.encoding import CareerEncoder
from laborllm.lm.tokens.packing import packed
from laborllm.lm.tokens.store import TokenStore, grouped
from laborllm.models.language.specs import SMOLLM2
from laborllm.panel.files.store import PanelFile
from laborllm.storage import make_folder
from laborllm.text import Template

JOBS = 4  # of a person
PACK = 1024  # tokens
STAGES = ("import", "tokens", "packing", "forecast")


def measure_resumes(sizes: Sequence[int], folder: Path) -> pl.DataFrame:
    """Take made-up resumes through all stages, each in a process of its own.

    Args:
        sizes: Numbers of people, the smallest first: a model fitted on these forecasts all.
        folder: Where files are put. What was measured there before an interruption is not measured again.

    Returns:
        Columns people, stage, seconds (of the processor) and peak (bytes of memory).
    """
    make_folder(folder)
    measured = folder / "measured.jsonl"
    for people in sizes:
        place = folder / str(people)
        for stage in STAGES:
            if not any(row[:2] == [people, stage] for row in _rows(measured)):
                row = [people, stage, *_measured(_command(stage, people, place, folder / str(sizes[0])))]
                with measured.open("a") as file:
                    file.write(dumps(row) + "\n")
    return pl.DataFrame(_rows(measured), ["people", "stage", "seconds", "peak"], orient="row")


def _rows(measured: Path) -> list[list[float | str]]:
    return [loads(line) for line in measured.read_text().splitlines()] if measured.is_file() else []


def _command(stage: str, people: int, place: Path, smallest: Path) -> list[str]:
    """The command of a stage, once what it reads is there."""
    panel = str(place / "panel.parquet")
    if stage == "import":
        make_folder(place)
        made_up_jobs.main(JOBS * people, place / "jobs.parquet")
        return ["laborllm", "import", "resumes", str(place / "jobs.parquet"), "--out", panel]
    if stage == "forecast":
        if not (smallest / "run").is_dir():
            ll.fit("transition", smallest / "panel.parquet", out=smallest / "run")
        next_year = str(date.today().year + 1)  # as jobs without an end go on until today
        written = ["--year", next_year, "--out", str(place / "forecast.parquet")]
        return ["laborllm", "forecast", str(smallest / "run"), panel, *written]
    return ["benchmarks.resumes", stage, panel, str(place / "tokens")]


def _measured(command: Sequence[str]) -> tuple[float, int]:
    """Seconds of the processor that a command took, and the most memory."""
    process = subprocess.Popen([sys.executable, "-m", *command], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise RunError(f"{' '.join(command)} failed")
    return used.ru_utime + used.ru_stime, 1024 * used.ru_maxrss


def write_tokens(panel: Path, folder: Path) -> TokenStore:
    """The careers of a panel file as tokens, from the store where they are there."""
    careers = PanelFile.open(panel)
    encoder = CareerEncoder(load_tokenizer(locate(SMOLLM2)), Template(), careers.taxonomy)
    return TokenStore.of(folder, encoder, careers)


def pack(panel: Path, folder: Path) -> int:
    """Pack all careers once in the order of an epoch, as training does, and count the packs."""
    careers = grouped(write_tokens(panel, folder))
    order = np.random.default_rng(0).permutation(len(careers))
    return sum(1 for _ in packed((text for career in order for text in careers[int(career)]), PACK))


if __name__ == "__main__":
    {"tokens": write_tokens, "packing": pack}[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))
