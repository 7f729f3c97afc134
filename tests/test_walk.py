"""The way of a panel through the house: a fit hands it from room to room, and to none twice.

What comes after the fit, a screen that has the model forecast some of the same people, is no part of it.
"""

import sys
from collections.abc import Sequence
from itertools import groupby, takewhile
from pathlib import Path
from types import FrameType

import pytest

import laborllm as ll
from cli.commands import laborllm
from laborllm.models.counts import transition
from laborllm.models.sequence import fitting  # here, so that no import is traced
from laborllm.panel import Panel

SOURCE = Path(ll.__file__).parent


def walk(command: str) -> list[str]:
    """The files whose functions a command hands a panel to, in order; what a panel says of itself is no stop."""
    stops: list[str] = []

    def note(frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        if event != "call" or not code.co_filename.startswith(str(SOURCE)):
            return
        names, given = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount], frame.f_locals
        if any(isinstance(given.get(name), Panel) for name in names):
            stops.append(Path(code.co_filename).relative_to(SOURCE).as_posix())

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        assert laborllm(command) == 0
    finally:
        sys.setprofile(before)
    return [stop for stop, _ in groupby(stop for stop in stops if not stop.startswith("panel/"))]


def returns(stops: Sequence[str]) -> list[str]:
    """The stops that were made before, with another in between."""
    return [stop for number, stop in enumerate(stops) if stop in stops[:number]]


@pytest.mark.parametrize(
    ("model", "options", "file"),
    [
        ("transition", "", Path(transition.__file__)),
        ("career", "--careers 20 --epochs 1 --layers 1 --width 8 --heads 1", Path(fitting.__file__)),
    ],
    ids=["transition", "career"],
)
def test_a_fit_walks_one_way(
    model: str, options: str, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ll.import_synthetic(workers=60).save(Path("panel.parquet"))
    stops = walk(f"fit {model} panel.parquet --out run {options}")
    fit = list(takewhile(lambda stop: not stop.startswith("auditing/"), stops))
    assert fit[0] == "api.py"
    assert file.relative_to(SOURCE).as_posix() in fit
    assert returns(fit) == []
    assert returns([room for room, _ in groupby(stop.partition("/")[0] for stop in fit)]) == []


def test_a_return_is_noticed() -> None:
    assert returns(["api.py", "lm/scorer.py", "training/loop.py", "lm/scorer.py"]) == ["lm/scorer.py"]
