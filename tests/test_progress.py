"""Long work tells how far it is; short work is silent."""

import sys
import time
from io import StringIO

import pytest

from laborllm.progress import progress, reported


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


def test_a_listener_hears_shares_instead_of_lines(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    heard: list[float] = []
    with reported(heard.append), progress("forecast", total=8, unit="records") as advance:
        clock.now = 100
        advance(2)
        advance(2, "a note")
        with progress("a part", total=5, unit="titles") as within:
            within(5)
        advance(4)
    assert heard == [0.25, 0.5, 1.0]
    assert capsys.readouterr() == ("", "")


def test_after_a_listener_lines_are_shown_again(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    """Also where the work ended with an error."""
    heard: list[float] = []
    with pytest.raises(ZeroDivisionError), reported(heard.append), progress("one", total=1, unit="steps"):
        raise ZeroDivisionError
    with progress("two", total=1, unit="steps") as advance:
        clock.now = 5
        advance()
    assert heard == []
    assert capsys.readouterr().err == "two: 1/1 steps, 0.2/s, done in 5 s\n"


def test_work_that_is_not_shown_is_silent_and_hides_nothing_within(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    """As in a process that is not the main one of a training."""
    with progress("training", total=2, unit="steps", shown=False) as advance:
        advance(1, "a note")
        with progress("validation", total=4, unit="careers") as within:
            clock.now = 20
            within(4)
    assert capsys.readouterr().err == "validation: 4/4 careers, 0.2/s, done in 20 s\n"


@pytest.mark.parametrize(("seconds", "lines"), [(4, 0), (14, 1), (15, 1), (40, 1)])
def test_a_line_comes_every_fifteen_seconds_at_most(
    seconds: float, lines: int, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    with progress("scoring", total=100, unit="records") as advance:
        clock.now = seconds
        advance(10)
        clock.now = seconds + 10
        advance(10)
        shown = capsys.readouterr().err.splitlines()
    assert len(shown) == lines
    assert all(" s left" in line for line in shown)


def test_a_bar_on_a_terminal(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """It names the work, its unit and the last note, and shows nothing within two seconds."""

    class Terminal(StringIO):
        def isatty(self) -> bool:
            return True

    shown = []
    for seconds in (1, 60):
        terminal = Terminal()
        monkeypatch.setattr(sys, "stderr", terminal)
        with progress("training", total=4, unit="steps") as advance:
            clock.now += seconds
            advance(4, "loss 1.5")
        shown.append(terminal.getvalue())
    assert "training" not in shown[0]
    assert all(word in shown[1] for word in ("training", "4/4", "steps", "0.1/s", "loss 1.5"))
