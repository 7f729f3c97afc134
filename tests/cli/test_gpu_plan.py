"""The files of examples that plan long fits: every command in them is one that laborllm understands."""

import os
import shlex
import subprocess
from pathlib import Path

import pytest

from laborllm.cli import app

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize("small", ["", "1"])
def test_every_command_of_the_plan_for_a_gpu_is_understood(small: str, tmp_path: Path) -> None:
    """A stand-in for laborllm writes down what it is asked, which is then parsed, and nothing is run."""
    stand_in, said = tmp_path / "laborllm", tmp_path / "said"
    stand_in.write_text(
        f"#!/usr/bin/env python3\nimport shlex, sys\nopen({str(said)!r}, 'a').write(shlex.join(sys.argv[1:]) + '\\n')\n"
    )
    stand_in.chmod(0o755)
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "SMALL": small}
    panels = [str(tmp_path / name) for name in ("own.parquet", "other.parquet")]
    subprocess.run(["bash", str(EXAMPLES / "gpu.sh"), *panels, str(tmp_path / "out")], env=environment, check=True)
    commands = [shlex.split(line) for line in said.read_text().splitlines()]
    for command in commands:
        app.parse_args(command, exit_on_error=False, print_error=False)
    made = {command[command.index("--out") + 1] for command in commands if "--out" in command}
    compared = next(command for command in commands if command[0] == "evaluate")
    read = {
        word for word in compared[1 : compared.index("--likelihood-only")] if word.startswith(str(tmp_path / "out"))
    }
    assert read < made
    assert {Path(path).name for path in made - read} == {"pool.parquet", "codes-folds.parquet"}


def test_the_night_on_two_cores_is_a_fit_that_is_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(EXAMPLES)
    _command, bound, _ = app.parse_args(
        ["fit", "language-model", "--config", "night.yaml"], exit_on_error=False, print_error=False
    )
    assert bound.kwargs["vocabulary"] == "closed"
    assert bound.kwargs["average"] == 0.1
