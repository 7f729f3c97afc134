"""What the pages and the API have in common: a model, its queue, and the limits."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from laborllm.errors import OptionError, PanelError
from laborllm.serve.futures import Futures
from laborllm.serve.groups import Groups
from laborllm.serve.inputs.careers import Read, read_career
from laborllm.serve.schema.careers import Career
from laborllm.serve.served import Served
from laborllm.serve.settings import Settings


@dataclass(frozen=True, eq=False)
class Asked:
    """What answers are made of.

    Attributes:
        served: The model.
        futures: Its simulations.
        settings: The limits.
        groups: The groups that were asked for of late.
    """

    served: Served
    futures: Futures
    settings: Settings
    groups: Groups

    async def read(self, careers: Sequence[Career]) -> list[Read]:
        """Careers as the model reads them, in a thread: titles take their time.

        Raises:
            OptionError: They have more different titles than they may.
            PanelError: A title cannot be coded.
        """
        self.require_titles(len({record.title for career in careers for record in career.records}))
        return await run_in_threadpool(lambda: [read_career(career, self.served) for career in careers])

    def require_titles(self, titles: int) -> None:
        """Raise `OptionError` where a request has more different titles than it may."""
        _at_most("different titles", titles, self.settings.titles)

    def require_list(self, people: int, titles: int) -> None:
        """Raise `OptionError` where a list has more people, or more different titles, than it may.

        Args:
            people: Careers of the list.
            titles: Different titles in it.
        """
        _at_most("people", people, self.settings.group)
        self.require_titles(titles)

    def require(self, people: int, horizon: int, draws: int, *, most: int | None = None) -> None:
        """Refuse a request before any work on it.

        Args:
            people: Careers.
            horizon: Years ahead of each.
            draws: Draws of each.
            most: Careers that a request may hold; default: as the settings have it.

        Raises:
            OptionError: It asks for more than it may.
            BusyError: No more requests may wait.
        """
        limits = self.settings
        _at_most("careers", people, limits.people if most is None else most)
        _at_most("years ahead", horizon, limits.horizon)
        _at_most("draws", draws, limits.paths)
        _at_most("careers times years times draws", people * horizon * draws, limits.person_years)
        self.futures.batches.require_room(people * horizon * draws)


def asked(request: Request) -> Asked:
    """What the application of a request answers with."""
    return cast(Asked, request.app.state.asked)


def client_of(request: Request) -> str:
    """Who asks: a hash of the key, or the address where no keys are asked for."""
    return cast(str, request.scope["client_name"])


def years_after(last: int, horizon: int) -> Sequence[int]:
    """The years ahead of a record."""
    return range(last + 1, last + 1 + horizon)


def require_after(year: int, last: int) -> None:
    """Raise `PanelError` unless a year is after the last record of a career."""
    if year <= last:
        raise PanelError(f"{year} is not after the last record, {last}: a career is forecast after it ends")


def _at_most(what: str, number: int, most: int) -> None:
    if number > most:
        raise OptionError(f"{number:,} {what} are too many for one request: at most {most:,}")
