"""Every command that the documentation shows is one that the command line takes, whether it is run in a test or not."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from cyclopts import App, CycloptsError, MissingArgumentError

from cli.test_main import VERBS
from laborllm.cli import app
from laborllm.cli.options import refuse_rounding

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
TYPED = re.compile(r"^\$ (?P<line>(?:.*\\\n)*.*)$", re.MULTILINE)
IN_PROSE = re.compile(r"`laborllm (?P<line>[^`]+)`")
OPTION = re.compile(r"`(?P<name>--[a-z][a-z-]*)")
OF_OTHERS = {"--records", "--rounds", "--split-seed"}  # options of benchmarks and scripts


def typed(page: Path) -> Iterator[list[str]]:
    """The arguments of each command line of laborllm in the blocks of a page."""
    for found in TYPED.finditer(page.read_text()):
        line = found["line"].replace("\\\n", " ")
        words = shlex.split(re.sub(r"\s+#.*", "", line))
        ends = [at for at, word in enumerate(words) if word in {"|", "&&", ";", ">", "2>", "&"}] + [len(words)]
        for at, word in enumerate(words):
            if word == "laborllm":
                yield words[at + 1 : next(end for end in ends if end > at)]


def require_known(command: list[str], *, whole: bool) -> None:
    """Fail unless the parser takes a command; one in a sentence need not be whole."""
    try:
        app.parse_args(command, exit_on_error=False, print_error=False)
    except MissingArgumentError as error:
        if whole and "--config" not in command:
            pytest.fail(f"laborllm {shlex.join(command)}: {error}", pytrace=False)
    except CycloptsError as error:
        pytest.fail(f"laborllm {shlex.join(command)}: {error}", pytrace=False)


@pytest.fixture(autouse=True)
def _nothing_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a file of options nor the place of a result."""
    monkeypatch.setattr(app, "config", (refuse_rounding,))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_parse(page: Path) -> None:
    for command in typed(page):
        require_known(command, whole=True)
    for found in IN_PROSE.finditer(page.read_text()):
        require_known(shlex.split(found["line"]), whole=False)


def names(command: App) -> Iterator[str]:
    for argument in command.assemble_argument_collection():
        yield from argument.names


def test_options_exist() -> None:
    known = {"--help", "--version", "--show-values"} | OF_OTHERS
    for verb in [*VERBS, ("study",)]:
        command = app
        for name in verb:
            command = command[name]
        known |= set(names(command))
    found = {(page.name, name) for page in PAGES for name in OPTION.findall(page.read_text())}
    assert {each for each in found if each[1] not in known} == set()


@pytest.mark.parametrize("line", ["describe", "describe panel.parquet --colour", "fit transformer p.parquet --out run"])
def test_what_the_parser_does_not_take_is_noticed(line: str) -> None:
    with pytest.raises(pytest.fail.Exception):
        require_known(shlex.split(line), whole=True)
