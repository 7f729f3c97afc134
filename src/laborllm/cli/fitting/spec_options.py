"""Options of the command line from the fields of a spec: each is written once, where the spec is."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass, replace
from inspect import Parameter as Argument
from inspect import cleandoc
from typing import Annotated, Any, Literal, get_type_hints

from cyclopts import Parameter

from laborllm.cli.options import as_typed, attribute_texts
from laborllm.lm.tuning.config import PRESETS, TuningConfig

NOT_TYPED = {"panel_file", "members"}  # the command itself fills these in


@dataclass(frozen=True)
class Option:
    """An option of a command, from a field of a spec or of a record in it.

    Attributes:
        name: Of the field.
        hint: Its type.
        default: The value it has where it is not given.
        help: What it says of itself.
        is_decided: Whether another option decides the default, which is then left to the help.
    """

    name: str
    hint: Any
    default: object
    help: str
    is_decided: bool = False

    @property
    def argument(self) -> Argument:
        """The parameter of the command: None where it is not given, so that presets can tell."""
        shown = None if isinstance(self.default, bool) or self.is_decided else as_typed(self.default)
        parameter = Parameter(help=self.help, show_default=lambda _: shown)
        return Argument(self.typed_name, Argument.KEYWORD_ONLY, default=None, annotation=self._annotation(parameter))

    @property
    def typed_name(self) -> str:
        """The name on the command line; an option that is on by default is turned off by `no`."""
        return f"no_{self.name}" if self.default is True else self.name

    def _annotation(self, parameter: Parameter) -> Any:
        return Annotated[self.hint | None, parameter]


def options_of(kind: type) -> list[Option]:
    """The options of a spec, those of the records in it among them."""
    return list(_options(kind, None))


def spec_from(kind: type, given: Mapping[str, Any]) -> Any:
    """The spec of what was typed; what was not has its default.

    Args:
        kind: Class of the spec.
        given: Values by the typed names of `options_of`, None where nothing was typed.
    """
    typed = {name: value for name, value in given.items() if value is not None}
    return kind(**_values(kind, None, typed))


def _options(kind: type, instance: object) -> Iterator[Option]:
    hints, texts = get_type_hints(kind), attribute_texts(kind)
    for field in fields(kind):
        default = _default(field) if instance is None else getattr(instance, field.name)
        if is_dataclass(default) and not isinstance(default, type):
            if isinstance(default, TuningConfig):
                yield _preset(default)
            yield from _options(type(default), default)
        elif field.name not in NOT_TYPED:
            is_decided = field.name == "learning_rate" and isinstance(instance, TuningConfig)
            yield Option(field.name, hints[field.name], default, _help(texts[field.name], default), is_decided)


def _values(kind: type, instance: object, typed: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for field in fields(kind):
        default = _default(field) if instance is None else getattr(instance, field.name)
        if isinstance(default, TuningConfig):
            name = typed.get("preset", _preset(default).default)
            found[field.name] = TuningConfig.preset(name, **_values(TuningConfig, default, typed))
        elif is_dataclass(default) and not isinstance(default, type):
            found[field.name] = replace(default, **_values(type(default), default, typed))
        elif field.name in typed:
            found[field.name] = typed[field.name]
        elif f"no_{field.name}" in typed:
            found[field.name] = not typed[f"no_{field.name}"]
    return found


def _default(field: "Field[Any]") -> object:
    return None if field.default is MISSING else field.default


def _preset(default: TuningConfig) -> Option:
    """The option that chooses what holds where nothing else is typed."""
    name = next(name for name in PRESETS if TuningConfig.preset(name) == default)
    described = (
        "Options that hold where nothing else is given: `small`, for few careers; `paper`, LABOR-LLM's, all weights, "
    )
    described += "three epochs, batches of 32; `head`, for a head over titles, batches of 4, a rate of 1e-3."
    return Option("preset", Literal["small", "paper", "head"], name, described)


def _help(text: str, default: object) -> str:
    return f"Turn off: {text[0].lower()}{text[1:]}" if default is True else text


def summary(kind: type) -> str:
    """What the docstring of a spec says before its sections."""
    return re.split(r"\n\n(?:Attributes|Raises|Examples):", cleandoc(kind.__doc__ or ""))[0]
