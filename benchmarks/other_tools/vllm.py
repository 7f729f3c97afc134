"""vLLM with its prefix cache, in an environment of its own: the log-probabilities of a prompt that holds the title."""

import json
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import numpy as np

from benchmarks.counting import Count
from benchmarks.machine import on_one_thread
from benchmarks.scoring_method import TimedRun
from benchmarks.scoring_task import ScoringTask
from laborllm.errors import OptionError

DRIVER = Path(__file__).with_name("vllm_driver.py")


class Vllm:
    """A process that has loaded the model in `folder` with vLLM and scores the pairs that are compared at every run,
    beginning with an empty prefix cache. weights: bytes, which its memory is counted beyond.

    Raises `OptionError` if `python` does not run, or has no vLLM that works.
    """

    name = "vLLM"
    is_another_model = False

    def __init__(self, python: Path, folder: Path, task: ScoringTask, *, weights: int) -> None:
        self.titles = task.compared.shape[1]
        self.worth = task.worth_of_compared
        self._shape = task.compared.shape
        self._python, self._weights = python, weights
        request = {
            "model": str(folder),
            "prompts": [prompt for prompt, _ in task.pairs],
            "titles": [title for _, title in task.pairs],
            "context": 1 + max(len(prompt + title) for prompt, title in task.pairs),
            "processor_time": on_one_thread(),
        }
        try:
            self._process = subprocess.Popen(
                [python, "-I", DRIVER],  # isolated: our module vllm is not the vLLM that it imports
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
        except OSError as error:
            raise OptionError(f"cannot run {python}: {error.strerror or error}") from error
        self._write(json.dumps(request))

    def count(self) -> Count:
        answer = self._answer()
        return Count(None, answer["tokens"], answer["memory"] - self._weights)

    def run(self) -> TimedRun:
        answer = self._answer()
        return TimedRun(np.array(answer["log_prob"]).reshape(self._shape), answer["seconds"])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def _answer(self) -> dict[str, Any]:
        self._write("run")
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line:
            raise OptionError(f"{self._python} cannot run {DRIVER.name}: does it have vLLM?")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _write(self, line: str) -> None:
        with suppress(BrokenPipeError):  # where it has ended, there will be no answer
            if self._process.stdin:
                self._process.stdin.write(f"{line}\n")
                self._process.stdin.flush()
