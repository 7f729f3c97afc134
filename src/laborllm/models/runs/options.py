"""Specs as JSON, and back: the options of run folders, of checkpoints and of a study's run cache."""

import os
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from importlib.metadata import version
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Any, TypeVar, cast, get_args, get_origin, get_type_hints

from laborllm.errors import RunError
from laborllm.panel import Panel

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Kind = TypeVar("Kind")

SEEN_FROM_RUN = ("members", "panel_file")
"""Options that name places, which a run folder keeps as seen from itself."""

SCALARS: dict[type, tuple[type, ...]] = {int: (int,), float: (int, float), bool: (bool,), str: (str,)}
"""What JSON may hold for a field of a type."""


def to_options(spec: "DataclassInstance") -> dict[str, Any]:
    """The fields of a spec, and of the records in it, as JSON has them."""
    return {field.name: _plain(getattr(spec, field.name)) for field in fields(spec)}


def kept_in(run: Path, spec: Kind) -> Kind:
    """A spec as a run folder keeps it: with the places of members, or of the panel of its examples, as seen from there.

    Args:
        run: The run folder.
        spec: The spec.
    """
    found: Any = spec
    for name in SEEN_FROM_RUN:
        place = getattr(found, name, None)
        if isinstance(place, Path):
            found = replace(found, **{name: Path(os.path.relpath(place, run))})
        elif place:
            found = replace(found, **{name: tuple(Path(os.path.relpath(each, run)) for each in place)})
    return cast(Kind, found)


def from_options(kind: type[Kind], options: Mapping[str, Any], run: Path) -> Kind:
    """The spec whose options `run` states.

    Args:
        kind: The class of the spec, or of a record in it.
        options: As `to_options` gave them.
        run: Where they were read, for messages.

    Raises:
        RunError: An option that this version of laborllm does not know, or a value that it cannot take.
    """
    hints = get_type_hints(kind)
    known = {field.name for field in fields(kind)}  # type: ignore[arg-type]
    unknown = sorted(options.keys() - known)
    if unknown:
        raise RunError(
            f"{run} states {unknown[0]!r}, which this version of laborllm ({version('laborllm')}) does not know: "
            "use the version that README.md names there, or fit it again"
        )
    try:
        return kind(**{name: _typed(hints[name], value, run) for name, value in options.items()})
    except (TypeError, ValueError, AttributeError) as error:
        raise RunError(f"{run} states options that no {kind.__name__} has: fit it again") from error


def identity(spec: "DataclassInstance", model: str, panel: Panel, **also: str | bool | None) -> dict[str, Any]:
    """All that decides what training gives, but the seed: the panel and the options, nested ones too.

    Args:
        spec: What is fitted.
        model: Its name.
        panel: What it is fitted on.
        also: What else decides, such as the weights of a base model, in place of an option of that name.
    """
    found: dict[str, Any] = {"model": model, "panel": panel.fingerprint}
    for name, option in to_options(spec).items():
        found |= option if isinstance(option, dict) else {name: option}
    return found | also


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return to_options(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def _typed(hint: Any, value: Any, run: Path) -> Any:
    """A value of JSON as a field of this type holds it."""
    if isinstance(hint, UnionType):
        (hint,) = (part for part in get_args(hint) if part is not type(None))
        return None if value is None else _typed(hint, value, run)
    if get_origin(hint) is tuple:
        return tuple(_typed(get_args(hint)[0], item, run) for item in value)
    if hint is Path:
        return Path(value)
    if is_dataclass(hint) and isinstance(hint, type):
        return from_options(hint, value, run)
    if hint in SCALARS and type(value) not in SCALARS[hint]:
        raise TypeError(f"{value!r} is no {hint.__name__}")
    return value
