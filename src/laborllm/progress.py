"""One progress display for all long work: a bar on a terminal, plain lines in a log."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

LINE_EVERY = 15.0  # seconds between plain lines

_is_part = ContextVar("is_part", default=False)
_listener: ContextVar[Callable[[float], None] | None] = ContextVar("listener", default=None)


class Advance(Protocol):
    """Report `steps` more steps done, with an optional note such as the current loss."""

    def __call__(self, steps: float = 1, note: str = "") -> None: ...


@contextmanager
def progress(what: str, total: float, unit: str, *, shown: bool = True) -> Iterator[Advance]:
    """Show how far work is, its rate and the time left, on standard error.

    Work under two seconds shows nothing, nor does work that is a part of other work shown.

    Args:
        what: What the work is called.
        total: How many steps it has.
        unit: What a step is.
        shown: Whether this process shows anything.

    Yields:
        A function that reports steps done.
    """
    if _is_part.get() or not shown:
        yield lambda steps=1, note="": None
        return
    before = _is_part.set(True)
    on_progress = _listener.get()
    try:
        if on_progress is not None:
            yield _share_of(total, on_progress)
            return
        with _bar(what, total, unit) if sys.stderr.isatty() else _lines(what, total, unit) as advance:
            yield advance
    finally:
        _is_part.reset(before)


@contextmanager
def reported(on_progress: Callable[[float], None]) -> Iterator[None]:
    """Tell `on_progress` what share of the work within is done, 0 to 1, instead of showing it: for a server."""
    before = _listener.set(on_progress)
    try:
        yield
    finally:
        _listener.reset(before)


def _share_of(total: float, on_progress: Callable[[float], None]) -> Advance:
    done = 0.0

    def advance(steps: float = 1, note: str = "") -> None:
        nonlocal done
        done += steps
        on_progress(done / total)

    return advance


@contextmanager
def _bar(what: str, total: float, unit: str) -> Iterator[Advance]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn(unit),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", style="dim"),
    )
    start = time.monotonic()
    with Progress(*columns, console=Console(stderr=True), transient=False) as bar:
        task = bar.add_task(what, total=total, note="", rate="", visible=False)

        def advance(steps: float = 1, note: str = "") -> None:
            elapsed = time.monotonic() - start
            done = bar.tasks[0].completed + steps
            rate = f"{done / max(elapsed, 1e-9):.1f}/s"
            bar.update(task, advance=steps, note=note, rate=rate, visible=elapsed > 2)

        yield advance


@contextmanager
def _lines(what: str, total: float, unit: str) -> Iterator[Advance]:
    lines = _Lines(what, total, unit)
    yield lines.advance
    lines.finish()


@dataclass
class _Lines:
    what: str
    total: float
    unit: str
    done: float = 0.0
    start: float = field(default_factory=time.monotonic)
    last: float = field(default_factory=time.monotonic)
    note: str = ""

    def advance(self, steps: float = 1, note: str = "") -> None:
        self.done += steps
        self.note = note or self.note
        if self.done < self.total and time.monotonic() - self.last >= LINE_EVERY:
            self.last = time.monotonic()
            self._print(f"{(self.total - self.done) * self.elapsed / max(self.done, 1e-9):.0f} s left")

    def finish(self) -> None:
        if self.elapsed > 2:
            self._print(f"done in {self.elapsed:.0f} s")

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self.start

    def _print(self, ending: str) -> None:
        rate = self.done / max(self.elapsed, 1e-9)
        note = f", {self.note}" if self.note else ""
        print(
            f"{self.what}: {self.done:g}/{self.total:g} {self.unit}, {rate:.1f}/s{note}, {ending}",
            file=sys.stderr,
            flush=True,
        )
