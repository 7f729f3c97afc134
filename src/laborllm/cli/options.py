"""Options that several verbs share, and where else their values come from than the line that is typed."""

import re
from dataclasses import dataclass
from inspect import cleandoc
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from cyclopts import App, ArgumentCollection, CoercionError, CycloptsError, Parameter
from cyclopts.config import Toml, Yaml
from cyclopts.validators import Number

from laborllm.cli.places import TO_FILE, TO_FOLDER
from laborllm.forecasting.engines.engine import Engine
from laborllm.lm.scoring.options import Method, ScoringOptions, Weights
from laborllm.text import Template


def attribute_texts(kind: type) -> dict[str, str]:
    """What the `Attributes:` of a dataclass, and of those it inherits from, say of each field."""
    found: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        section = re.search(r"^Attributes:\n((?: +.*\n?|\n)*)", cleandoc(base.__doc__ or ""), re.MULTILINE)
        for part in re.split(r"\n(?=    \w)", f"\n{section[1]}" if section else ""):
            if match := re.match(r"\s*(\w+): (.*)", part, re.DOTALL):
                found[match[1]] = " ".join(match[2].split())
    return found


def _require_parquet(kind: type, path: Path | None) -> None:
    """A name that ends otherwise would say what the file is not, and could be the name of a table that is read."""
    if path is not None and path.suffix != ".parquet":
        raise ValueError(f"a panel is a Parquet file, so its name must end in .parquet, not {path.name}")


PanelFile = Annotated[Path, Parameter(help="Panel file, as `laborllm import` writes it.")]
PanelOut = Annotated[Path, Parameter(help="Panel file to write, NAME.parquet.", validator=_require_parquet), TO_FILE]
RunFolder = Annotated[
    Path, Parameter(help="Run folder, as `laborllm fit` writes it, or `nlsy`, which comes with laborllm.")
]
RunOut = Annotated[Path, Parameter(help="Run folder to write; it must not exist, or hold this very fit."), TO_FOLDER]
Machines = Annotated[Engine, Parameter(name="*")]
Written = Annotated[Template, Parameter(name="*")]
TEMPLATE = Template()
NATURAL = Number(gte=0)
Seed = Annotated[int, Parameter(help="Seed of everything random.", validator=NATURAL)]
States = Annotated[
    tuple[str, ...] | None,
    Parameter(
        help="States without a job that the panel is to tell apart, such as `in_education not_working`; unemployed and "
        "not_in_labor_force become not_working where it is the only one of them. Default: all that the source tells."
    ),
]
SplitSeed = Annotated[int, Parameter(help="Seed of the split into train, valid and test.", validator=NATURAL)]
SplitBy = Annotated[
    str | None,
    Parameter(
        help="Column whose values the split keeps whole, such as `worker`; default: household where it is known, as "
        "members are alike, else worker."
    ),
]
SCORING, EXACT = attribute_texts(ScoringOptions), ScoringOptions()
Memory = Annotated[float, Parameter(help=SCORING["memory"])]


@dataclass(frozen=True)
class Scoring:
    """How a language model scores titles, by the names that options have on the command line."""

    scoring: Annotated[Method, Parameter(help=SCORING["method"])] = EXACT.method
    tolerance: Annotated[float, Parameter(help=SCORING["tolerance"])] = EXACT.tolerance
    memory: Memory = EXACT.memory
    scoring_weights: Annotated[Weights, Parameter(help=SCORING["weights"])] = EXACT.weights
    max_tv: Annotated[float, Parameter(help=SCORING["max_tv"])] = EXACT.max_tv
    max_log_ppl_shift: Annotated[float, Parameter(help=SCORING["max_log_ppl_shift"])] = EXACT.max_log_ppl_shift

    @property
    def options(self) -> ScoringOptions:
        """The options as the library has them. Raises `OptionError` for a value that is out of its range."""
        return ScoringOptions(
            self.scoring, self.tolerance, self.memory, self.scoring_weights, self.max_tv, self.max_log_ppl_shift
        )


ScoredSo = Annotated[Scoring, Parameter(name="*")]
SCORED_SO = Scoring()
TableFile = Annotated[
    Path, Parameter(help="File to write; its name says the format: .parquet, .csv or .dta (Stata)."), TO_FILE
]
Split = Literal["train", "valid", "test"]
SomeSplit = Annotated[Split | None, Parameter(help="Only the workers of one split; default: all.")]
SomeWorkers = Annotated[int | None, Parameter(help="Only this many of them, drawn at random.")]
ConfigFile = Annotated[
    Path | None, Parameter(help="File of options, in YAML or TOML; what is typed with it comes first.")
]
AsJson = Annotated[bool, Parameter(help="Print JSON for a script.")]


def read_config(app: App, commands: tuple[str, ...], arguments: ArgumentCollection) -> None:
    """Take what was not typed from the file of `--config`, whose keys are options without their dashes.

    Args:
        app: The command, as cyclopts hands it over.
        commands: Its name.
        arguments: Its options, which are filled in.

    Raises:
        CycloptsError: The file is not there, or cannot be read.
    """
    for argument in arguments:
        if "--config" in argument.names and argument.tokens:
            path = Path(argument.tokens[-1].value)
            if not path.is_file():
                raise CycloptsError(msg=f"no file at {path}")
            kind = Toml if path.suffix == ".toml" else _Yaml
            source = kind(path, use_commands_as_keys=False, source=str(path))
            try:
                _ = source.config
            except (CycloptsError, RecursionError) as error:
                raise CycloptsError(msg=f"cannot read {path}: {error.__cause__ or error}") from error
            source(app, commands, arguments)


class _Yaml(Yaml):
    """A file whose options are given once, and without references, of which a few lines can stand for millions."""

    def _load_config(self, path: Path) -> Any:
        import yaml

        from laborllm.sources.section import UniqueKeys

        class Loader(UniqueKeys, yaml.SafeLoader):
            def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
                if self.check_event(yaml.AliasEvent):
                    anchor = self.get_event().anchor  # type: ignore[no-untyped-call]
                    raise yaml.YAMLError(f"*{anchor} refers to another place: write the value itself")
                return super().compose_node(parent, index)

        return yaml.load(path.read_text("utf-8-sig"), Loader)


def refuse_rounding(app: App, commands: tuple[str, ...], arguments: ArgumentCollection) -> None:
    """Refuse a number such as `--count 1.5` where a whole one is asked for, instead of rounding it.

    Args:
        app: The command, as cyclopts hands it over.
        commands: Its name.
        arguments: Its options.

    Raises:
        CoercionError: A number is not whole.
    """
    for argument in arguments:
        is_whole = int in (argument.hint, *get_args(argument.hint))
        for token in argument.tokens:
            if is_whole and not re.fullmatch(r"[+-]?\d+", token.value):
                raise CoercionError(msg=f"{token.value!r} is not a whole number", token=token)


def as_typed(default: object) -> str | None:
    """A default as it would be typed; None, which help does not show, where that is nothing."""
    words = default if isinstance(default, tuple) else () if default is None else (default,)
    return " ".join(map(str, words)) or None


EVERY_OPTION = Parameter(negative=(), consume_multiple=True, show_default=as_typed)
"""Defaults of the options of all commands; each `App` needs them, as the reference is generated from each."""
