"""Every public name has a docstring; what is in `laborllm.__all__` says what it takes, with an example that runs."""

import ast
import doctest
import inspect
import re
import sys
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

import laborllm as ll

SOURCE = Path(__file__).parents[1] / "src" / "laborllm"
WITHOUT_EXAMPLE = {"LanguageModel.fit", "TitleHead.fit", "EmbeddingLogit.fit", "OffTheShelf.fit"}
"""Fits that take minutes: the example is that of the spec."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


def definitions(node: ast.AST, prefix: str = "") -> Iterator[tuple[str, Function | ast.ClassDef]]:
    """The public classes and functions of a module, and the public methods of its public classes."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Function | ast.ClassDef) and not child.name.startswith("_"):
            yield prefix + child.name, child
            if isinstance(child, ast.ClassDef):
                yield from definitions(child, f"{prefix}{child.name}.")


def modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(SOURCE.rglob("*.py")):
        yield str(path.relative_to(SOURCE)), ast.parse(path.read_text())


def described(text: str) -> set[str]:
    """The names in the section Args of a docstring."""
    section = text.partition("Args:\n")[2].partition("\n\n")[0]
    return set(re.findall(r"^    \*{0,2}(\w+): ", section, re.MULTILINE))


def parameters(function: Function) -> set[str]:
    given = function.args
    several = [each for each in (given.vararg, given.kwarg) if each is not None]
    return {each.arg for each in (*given.posonlyargs, *given.args, *given.kwonlyargs, *several)}


def test_every_public_name_has_a_docstring() -> None:
    without = [name for name, module in modules() if not ast.get_docstring(module)]
    without += [
        f"{name}: {found}"
        for name, module in modules()
        for found, node in definitions(module)
        if not ast.get_docstring(node)
    ]
    assert without == []


def test_no_docstring_leans_on_another() -> None:
    leaning = re.compile(r"^(The same|That of|Those|Of |Its |Likewise)")
    found = [
        f"{name}: {found}"
        for name, module in modules()
        for found, node in definitions(module)
        if leaning.match(ast.get_docstring(node) or "")
    ]
    assert found == []


def test_every_function_of_several_parameters_says_what_they_are() -> None:
    """With more than two, `self` among them; and nowhere in the package is a parameter described that is not there."""
    without, gone = [], []
    for name, module in modules():
        for found, node in definitions(module):
            if not isinstance(node, Function):
                continue
            text = ast.get_docstring(node) or ""
            if len(node.args.args) + len(node.args.kwonlyargs) > 2 and "Args:" not in text:
                without.append(f"{name}: {found}")
            gone += [f"{name}: {found}: {each}" for each in described(text) - parameters(node)]
    assert without == []
    assert gone == []


def public() -> Iterator[tuple[str, Any]]:
    """The names of `laborllm`, and the methods that its classes define."""
    for name in ll.__all__:
        thing = getattr(ll, name)
        yield name, thing
        if inspect.isclass(thing):
            for method, value in inspect.getmembers(thing, inspect.isroutine):
                if not method.startswith("_") and value.__module__.startswith("laborllm"):
                    yield f"{name}.{method}", value


def properties() -> Iterator[tuple[str, str]]:
    for name in ll.__all__:
        for attribute, value in inspect.getmembers(getattr(ll, name)):
            if isinstance(value, property | cached_property) and not attribute.startswith("_"):
                yield f"{name}.{attribute}", inspect.getdoc(value) or ""


PUBLIC = dict(public())
ROUTINES = {name: thing for name, thing in PUBLIC.items() if inspect.isroutine(thing)}


@pytest.mark.parametrize("name", ll.__all__)
def test_every_name_says_what_it_is(name: str) -> None:
    assert name in dir(ll)
    assert len(inspect.getdoc(getattr(ll, name)) or "") > 40


@pytest.mark.parametrize("name", ROUTINES)
def test_every_function_says_what_it_takes_and_returns(name: str) -> None:
    function: Callable[..., Any] = ROUTINES[name]
    text, signature = inspect.getdoc(function) or "", inspect.signature(function)
    given = [each for each in signature.parameters if each != "self"]
    assert [each for each in given if each not in described(text)] == []
    returns = signature.return_annotation not in (None, "None")
    assert not returns or "\nReturns:\n" in text or "\nYields:\n" in text


def test_every_property_says_what_it_is() -> None:
    assert [name for name, text in properties() if not text] == []


@pytest.mark.parametrize("name", [name for name in PUBLIC if name not in WITHOUT_EXAMPLE])
def test_every_example_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    thing = PUBLIC[name]
    names = {"Path": Path, **vars(sys.modules[thing.__module__])}
    examples = doctest.DocTestFinder(recurse=False).find(thing, name, globs=names)
    assert sum(len(example.examples) for example in examples)
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    for example in examples:
        runner.run(example)
    assert runner.failures == 0
