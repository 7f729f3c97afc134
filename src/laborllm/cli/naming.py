"""What the tables and figures of a verb call the runs that it is given."""

from collections.abc import Sequence
from pathlib import Path

from laborllm.errors import InputError

HINT = "write NAME=RUN"


def paths_by_name(runs: Sequence[str]) -> dict[str, Path]:
    """The place of each run, by NAME where NAME=RUN is given, else by the name of its folder or file.

    Raises:
        InputError: Two runs have one name, or one has none.
    """
    found: dict[str, Path] = {}
    for run in runs:
        name, path = _name_and_path(run)
        if not name:
            raise InputError(f"{run} gives a run no name", hint=HINT)
        if name in found:
            raise InputError(f"two runs are called {name}: the tables could not tell them apart", hint=HINT)
        found[name] = path
    return found


def _name_and_path(run: str) -> tuple[str, Path]:
    name, equals, place = run.partition("=")
    if equals and not Path(run).exists():
        return name, Path(place)
    return Path(run).resolve().name.removesuffix(".parquet"), Path(run)
