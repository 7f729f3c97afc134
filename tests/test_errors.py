"""Errors by cause: what a message may say, and what is kept apart from it."""

import ast
import pickle
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import laborllm
from laborllm import errors
from laborllm.cli.main import one_line
from laborllm.errors import CapacityError, InputError, LaborLLMError, OptionError, PanelError, RunError, StorageError

LIBRARY = Path(laborllm.__file__).parent
FLAG = re.compile(r"--[a-z]")
KINDS = {name for name, kind in vars(errors).items() if isinstance(kind, type)}


def raised() -> Iterator[tuple[str, str, ast.Call]]:
    """Every place of the library, the command line apart, where an error of the project is made."""
    for file in sorted(LIBRARY.rglob("*.py")):
        if "cli" in file.relative_to(LIBRARY).parts:
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in KINDS:
                yield f"{file.relative_to(LIBRARY)}:{node.lineno}", node.func.id, node


def words(node: ast.AST) -> str:
    return "".join(str(part.value) for part in ast.walk(node) if isinstance(part, ast.Constant))


def test_no_message_of_the_library_names_a_flag() -> None:
    found = [place for place, _, call in raised() if any(FLAG.search(words(argument)) for argument in call.args)]
    assert found == []


def test_every_error_states_its_cause() -> None:
    assert [place for place, kind, _ in raised() if kind == "LaborLLMError"] == []
    assert len(list(raised())) > 100


@pytest.mark.parametrize("kind", [InputError, RunError, CapacityError, StorageError])
def test_causes_have_one_root(kind: type[LaborLLMError]) -> None:
    assert kind.__mro__[1] is LaborLLMError
    assert issubclass(OptionError, InputError)
    assert issubclass(PanelError, InputError)


def test_a_hint_is_kept_apart_and_printed() -> None:
    error = OptionError("the head is frozen", hint="leave out --freeze")
    assert str(error) == "the head is frozen"
    assert one_line(error) == "the head is frozen: leave out --freeze"
    assert pickle.loads(pickle.dumps(error)).hint == error.hint  # errors cross processes
    assert one_line(OptionError("two\nlines")) == "two lines"
