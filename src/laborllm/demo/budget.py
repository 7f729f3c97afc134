"""How much of the panel the demo uses: all that is planned, or what a slow machine can read in time."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from laborllm.lm.tuning.config import TuningConfig
from laborllm.progress import LINE_EVERY, reported

LIMIT = 540.0  # seconds until the tables; the program's start and the page make it ten minutes
SLACK = 0.8  # of the seconds that are left, the share that is planned with: others may begin to compute
SMALLEST = 0.15  # share of the default budget: of fewer than ten test careers, tables would be withheld


class OutOfTimeError(Exception):
    """This machine is too slow for a language model in the time there is."""


@dataclass(frozen=True)
class Budget:
    """How much of the panel the demo uses. The default is for two CPU cores that do nothing else, and ten minutes.

    Attributes:
        base: The base model.
        training_careers: How many it is tuned on.
        validation_careers: How many choose the best weights.
        test_careers: On how many everything is evaluated.
        training: How it is tuned.
    """

    base: str = "smollm2-135m"
    training_careers: int = 220
    validation_careers: int = 24
    test_careers: int = 80
    training: TuningConfig = field(default_factory=lambda: TuningConfig(batch_size=1, validate_every=110))

    def within(self, seconds: float, speed: "Speed") -> "Budget":
        """The largest share of this budget that takes at most that many seconds.

        Args:
            seconds: What is left.
            speed: What was measured on this machine.

        Returns:
            This budget, or one with the same share of all careers.

        Raises:
            OutOfTimeError: The share would be smaller than the smallest.

        Examples:
            >>> from laborllm.demo.budget import Speed
            >>> Budget().within(142, Speed(tuned=1, forecast=0.25)).training_careers
            110
        """
        share = seconds / speed.takes(self)
        if share >= 1:
            return self
        if share < SMALLEST:
            raise OutOfTimeError
        training = int(share * self.training_careers)
        return replace(
            self,
            training_careers=training,
            validation_careers=int(share * self.validation_careers),
            test_careers=int(share * self.test_careers),
            training=replace(self.training, validate_every=training // 2),
        )

    def tested_within(self, seconds: float, speed: "Speed") -> "Budget":
        """This budget with as many test careers as a tuned model and its base model forecast in `seconds`.

        Args:
            seconds: How long both models may forecast.
            speed: Seconds that a career takes.

        Raises:
            OutOfTimeError: They would be fewer than those of the smallest share.
        """
        careers = min(self.test_careers, int(seconds / (2 * speed.forecast)))
        if careers < int(SMALLEST * Budget.test_careers):
            raise OutOfTimeError
        return replace(self, test_careers=careers)


@dataclass(frozen=True)
class Speed:
    """Seconds a career takes on this machine: `tuned` on, or one that a language model must `forecast`."""

    tuned: float
    forecast: float

    def takes(self, budget: Budget) -> float:
        """Seconds of tuning, with a validation before, amid and after it, and of forecasts by two language models.

        The three validations read each career forwards only, which takes a third of tuning on it.
        """
        tuned = budget.training_careers + budget.validation_careers
        return self.tuned * tuned + self.forecast * 2 * budget.test_careers


class Countdown:
    """The time left, which does not grow: work that takes longer than planned is late, and past the limit it ends.

    Args:
        limit: Seconds from now until work is broken off; infinite: it never is.
        clock: What tells the time.
    """

    def __init__(self, limit: float = LIMIT, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.last = clock()
        self.end = self.planned_end = self.last + limit

    @property
    def left(self) -> float:
        """Seconds until work is broken off."""
        return self.end - self.clock()

    def plan(self, seconds: float) -> None:
        """Expect the end after that many seconds, unless it was expected earlier."""
        self.planned_end = min(self.planned_end, self.clock() + seconds)

    @contextmanager
    def showing(self, what: str, most: float = float("inf")) -> Iterator[None]:
        """Say from time to time what share of the work within is done, and the time left in all.

        Args:
            what: What the work is called.
            most: Seconds that it may take at most.

        Raises:
            OutOfTimeError: The work is not done in time.
        """
        end = min(self.end, self.clock() + most)

        def show(share: float) -> None:
            now = self.clock()
            if now > end and share < 1:
                raise OutOfTimeError
            if now - self.last >= LINE_EVERY:
                self.last = now
                print(f"{what}: {share:.0%}{self._words()}", file=sys.stderr, flush=True)

        with reported(show):
            yield

    def _words(self) -> str:
        seconds = self.planned_end - self.clock()
        if seconds == float("inf"):
            return ""
        return f", {seconds:.0f} s left in all" if seconds > 0 else f", {-seconds:.0f} s later than planned"
