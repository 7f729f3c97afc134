"""Options from specs: each field is one option with its own help, and what is typed comes back as the spec."""

from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from laborllm.cli.fitting.spec_options import NOT_TYPED, options_of, spec_from, summary
from laborllm.cli.options import SCORED_SO, Scoring, as_typed, attribute_texts
from laborllm.errors import OptionError
from laborllm.lm.scoring.options import METHODS, WEIGHTS, ScoringOptions
from laborllm.models.registry import MODELS, spec_class


@dataclass(frozen=True)
class Inner:
    """A record within.

    Attributes:
        rate: How fast,
            in one line or in two.
    """

    rate: float = 0.5


@dataclass(frozen=True)
class Base:
    """What all have.

    Attributes:
        depth: How deep.
        width: How wide, in all of them.
    """

    depth: int = 2
    width: int = 8


@dataclass(frozen=True)
class Made(Base):
    """A spec that was made up. It has a second sentence.

    Attributes:
        width: How wide, here.
        kind: One or the other.
        dropout: Whether units are dropped.
        training: The record.
        panel_file: Filled in by the command.

    Raises:
        OptionError: Never.

    Examples:
        >>> Made().width
        4
    """

    width: int = 4
    kind: Literal["one", "other"] = "one"
    dropout: bool = True
    training: Inner = field(default=Inner())
    panel_file: Path | None = None


def test_the_text_of_a_field_is_that_of_the_class_that_says_it_last() -> None:
    assert attribute_texts(Made) == {
        "depth": "How deep.",
        "width": "How wide, here.",
        "kind": "One or the other.",
        "dropout": "Whether units are dropped.",
        "training": "The record.",
        "panel_file": "Filled in by the command.",
    }
    assert attribute_texts(Inner) == {"rate": "How fast, in one line or in two."}
    assert attribute_texts(int) == {}


def test_a_summary_ends_where_the_sections_begin() -> None:
    assert summary(Made) == "A spec that was made up. It has a second sentence."
    assert summary(Inner) == "A record within."


def test_an_option_for_each_field_and_for_those_of_records_within() -> None:
    found = {option.name: option for option in options_of(Made)}
    assert list(found) == ["depth", "width", "kind", "dropout", "rate"]
    assert {name: option.typed_name for name, option in found.items()} == {
        "depth": "depth",
        "width": "width",
        "kind": "kind",
        "dropout": "no_dropout",
        "rate": "rate",
    }
    assert found["dropout"].help == "Turn off: whether units are dropped."
    assert found["width"].help == "How wide, here."
    assert [found[name].default for name in found] == [2, 4, "one", True, 0.5]
    for option in found.values():
        assert option.argument.default is None  # so that it can be seen what was typed
        assert option.argument.name == option.typed_name


@settings(max_examples=40)
@given(
    depth=st.none() | st.integers(1, 9),
    width=st.none() | st.integers(1, 9),
    kind=st.sampled_from([None, "one", "other"]),
    off=st.sampled_from([None, True, False]),
    rate=st.none() | st.floats(0, 1),
)
def test_what_is_typed_comes_back_and_the_rest_is_the_default(
    depth: int | None, width: int | None, kind: Literal["one", "other"] | None, off: bool | None, rate: float | None
) -> None:
    typed = {"depth": depth, "width": width, "kind": kind, "no_dropout": off, "rate": rate}
    found = spec_from(Made, typed)
    assert found == Made(
        depth=2 if depth is None else depth,
        width=4 if width is None else width,
        kind=kind or "one",
        dropout=not off,
        training=Inner(0.5 if rate is None else rate),
    )


@pytest.mark.parametrize("name", MODELS)
def test_nothing_typed_is_the_spec_as_it_is(name: str) -> None:
    """But for what the command fills in, which has no default."""
    kind = spec_class(name)
    needed = {each.name: () for each in fields(kind) if each.default is MISSING and each.default_factory is MISSING}  # type: ignore[arg-type]
    assert set(needed) <= NOT_TYPED
    if not needed:
        assert spec_from(kind, {}) == kind()
    for option in options_of(kind):
        assert option.help, option.name


@pytest.mark.parametrize(
    ("default", "typed"),
    [(None, None), ((), None), (3, "3"), (0.5, "0.5"), ("one", "one"), (("a", "b"), "a b"), (Path("refits"), "refits")],
)
def test_a_default_is_shown_as_it_would_be_typed(default: object, typed: str | None) -> None:
    assert as_typed(default) == typed


def test_scoring_by_its_names_on_the_command_line_is_the_librarys() -> None:
    assert SCORED_SO.options == ScoringOptions()
    assert [each.name for each in fields(Scoring)] == [
        {"method": "scoring", "weights": "scoring_weights"}.get(each.name, each.name) for each in fields(ScoringOptions)
    ]


@settings(max_examples=30)
@given(
    st.sampled_from(METHODS),
    st.floats(0, 0.99),
    st.floats(0.1, 9),
    st.sampled_from(WEIGHTS),
    st.floats(0, 1),
    st.floats(0, 2),
)
def test_each_option_of_scoring_reaches_its_place(
    method: Literal["tree", "pruned", "naive"],
    tolerance: float,
    memory: float,
    weights: Literal["fitted", "bfloat16", "8-bit"],
    max_tv: float,
    shift: float,
) -> None:
    typed = Scoring(method, tolerance, memory, weights, max_tv, shift)
    expected = ScoringOptions(
        method=method,
        tolerance=tolerance,
        memory=memory,
        weights=weights,
        max_tv=max_tv,
        max_log_ppl_shift=shift,
    )
    assert typed.options == expected


@pytest.mark.parametrize(
    ("scoring", "message"),
    [
        (Scoring(tolerance=1.0), "tolerance is a total variation from 0 up to 1, not 1.0"),
        (Scoring(memory=0), "memory must be above zero, not 0"),
        (Scoring(max_tv=-0.1), "max-tv is a total variation from 0 to 1, not -0.1"),
        (Scoring(max_log_ppl_shift=float("nan")), "max-log-ppl-shift is in nats, from zero, not nan"),
    ],
)
def test_what_scoring_cannot_be_is_said_when_it_is_asked_for(scoring: Scoring, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        _ = scoring.options
