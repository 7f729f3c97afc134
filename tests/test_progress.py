"""Long work tells how far it is; short work is silent."""

import time

import pytest

from laborllm.progress import progress


class Clock:
    """A clock that the test moves: `now` seconds after it was made."""

    def __init__(self) -> None:
        self.start = time.monotonic()
        self.now = 0.0

    def monotonic(self) -> float:
        return self.start + self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "monotonic", clock.monotonic)
    return clock


def test_lines_tell_rate_and_time_left(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with progress("training", total=100, unit="steps") as advance:
        clock.now = 10
        advance(20)
        clock.now = 20
        advance(20, "loss 1.5")
        clock.now = 50
        advance(60)
    assert capsys.readouterr().err.splitlines() == [
        "training: 40/100 steps, 2.0/s, loss 1.5, 30 s left",
        "training: 100/100 steps, 2.0/s, loss 1.5, done in 50 s",
    ]


def test_short_work_is_silent(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with progress("scoring", total=3, unit="records") as advance:
        clock.now = 1
        advance(3)
    assert capsys.readouterr() == ("", "")


def test_a_part_of_shown_work_is_silent(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with progress("forecast", total=2, unit="records") as advance:
        with progress("score titles", total=1, unit="titles") as within:
            clock.now = 30
            within(1)
        advance(2)
    assert capsys.readouterr().err == "forecast: 2/2 records, 0.1/s, done in 30 s\n"
