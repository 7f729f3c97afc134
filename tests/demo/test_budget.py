"""The demo's budget: the share of a plan that a measured speed allows, and a time left that only falls."""

import math

import pytest

from laborllm.demo.budget import SMALLEST, Budget, Countdown, OutOfTimeError, Speed
from laborllm.progress import LINE_EVERY, progress


class Clock:
    """A clock that is set by hand."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_budget_takes_its_trainings_and_its_forecasts() -> None:
    assert Speed(tuned=2, forecast=3).takes(Budget()) == 2 * (220 + 24) + 3 * 2 * 80


def test_a_fast_machine_keeps_the_whole_budget() -> None:
    """At 0.5 seconds a career the whole takes 0.5 * (220 + 24 + 160) = 202 seconds."""
    whole, speed = Budget(), Speed(tuned=0.5, forecast=0.5)
    assert whole.within(202, speed) is whole
    assert whole.tested_within(80, speed) == whole
    assert whole.within(201.9, speed) != whole


@pytest.mark.parametrize("slower", [1.5, 2, 4, 6])
def test_a_slow_machine_reads_fewer_careers_and_ends_in_time(slower: float) -> None:
    speed = Speed(tuned=slower, forecast=slower)
    cut = Budget().within(404, speed)  # which the whole budget takes at a second a career
    assert (cut.training_careers, cut.test_careers) == (int(220 / slower), int(80 / slower))
    assert cut.training.validate_every == cut.training_careers // 2
    assert speed.takes(cut) <= 404
    assert cut == Budget().within(404, speed)


@pytest.mark.parametrize("seconds", [-100.0, 0.0, 404 * SMALLEST - 1])
def test_a_machine_that_is_much_too_slow_tunes_nothing(seconds: float) -> None:
    with pytest.raises(OutOfTimeError):
        Budget().within(seconds, Speed(tuned=1, forecast=1))


def test_test_careers_are_as_many_as_two_models_forecast_in_what_tuning_left() -> None:
    speed = Speed(tuned=1, forecast=2)
    assert Budget().tested_within(100, speed).test_careers == 25
    assert Budget().tested_within(4 * 12, speed).test_careers == 12
    with pytest.raises(OutOfTimeError):
        Budget().tested_within(4 * 12 - 1, speed)


def test_the_time_left_falls_however_slow_the_work_gets(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    countdown = Countdown(1000, clock)
    countdown.plan(100)
    countdown.plan(5000)  # later than was expected: not believed
    with countdown.showing("work"), progress("work", 4, "careers") as advance:
        for seconds in (LINE_EVERY, 1, LINE_EVERY + 39, 2 * LINE_EVERY + 10):
            clock.now += seconds
            advance(1)
    said = capsys.readouterr().err.splitlines()
    assert said == [
        "work: 25%, 85 s left in all",
        "work: 75%, 30 s left in all",
        "work: 100%, 10 s later than planned",
    ]
    assert countdown.left == 1000 - 110


@pytest.mark.parametrize(("limit", "most"), [(50, math.inf), (1000, 50)])
def test_work_that_is_not_done_in_time_is_broken_off(limit: float, most: float) -> None:
    clock, done = Clock(), []

    def work() -> None:
        with Countdown(limit, clock).showing("work", most), progress("work", 9, "careers") as advance:
            for career in range(9):
                clock.now += 20
                advance(1)
                done.append(career)

    with pytest.raises(OutOfTimeError):
        work()
    assert len(done) == 2


def test_work_of_a_given_budget_is_never_broken_off(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    with Countdown(math.inf, clock).showing("work"), progress("work", 2, "careers") as advance:
        clock.now += 10_000
        advance(1)
    assert capsys.readouterr().err == "work: 50%\n"
