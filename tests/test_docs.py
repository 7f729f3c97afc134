"""The documentation is true: its examples run, its links lead somewhere, its list of commands is current.

The python and console blocks of a page run in order in one new folder, console blocks line by line where they start
with "$ ": a plain command of laborllm in this process, as a new one takes seconds to load torch, the rest in a shell.
What is not run is marked by a comment on the line before a block, with the reason after it:
<!-- slow: ... --> always, <!-- needs shared data: ... --> where ../shared/data is absent.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from cli.commands import laborllm

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
SHARED = ROOT.parent / "shared"

BLOCK = re.compile(r"(?:^<!-- (?P<mark>.*) -->\n)?^```(?P<language>\w+)\n(?P<code>(?:.*\n)*?)```$", re.MULTILINE)
COMMAND = re.compile(r"^\$ (?P<command>(?:.*\\\n)*.*)$", re.MULTILINE)
PLAIN = re.compile(r"laborllm ([^|&;<>$*?`~{}()]*)")  # no part of which a shell would change
LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)#\s]+)[^)]*\)")


@dataclass(frozen=True)
class Block:
    """Code of a page. line: of its first line in the page."""

    language: str
    code: str
    line: int


def blocks(page: Path) -> Iterator[Block]:
    """The blocks of a page that are to run here."""
    text = page.read_text()
    for found in BLOCK.finditer(text):
        mark = found["mark"] or ""
        absent = mark.startswith("needs shared data:") and not (SHARED / "data").is_dir()
        if not mark.startswith("slow:") and not absent:
            yield Block(found["language"], found["code"], text.count("\n", 0, found.start("code")))


def run_python(block: Block, page: Path, names: dict[str, object]) -> None:
    code = "\n" * block.line + block.code  # so that a traceback names the line of the page
    exec(compile(code, str(page), "exec"), names)


def run_console(block: Block, page: Path, capture: pytest.CaptureFixture[str]) -> None:
    for found in COMMAND.finditer(block.code):
        code, said = run_command(found["command"], capture)
        if code:
            where = f"{page.relative_to(ROOT)}, block at line {block.line}"
            pytest.fail(f"{where}: $ {found['command']}\n{said}", pytrace=False)


def run_command(command: str, capture: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Its exit code, and what it said of errors."""
    if plain := PLAIN.fullmatch(command.replace("\\\n", " ")):
        return laborllm(plain[1]), capture.readouterr().err
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "PYTHONPATH": str(ROOT)}
    shell = ["bash", "-o", "pipefail", "-c", command]
    done = subprocess.run(shell, env=environment, capture_output=True, text=True)
    return done.returncode, done.stderr


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder to work in, where examples/ and ../shared are what they are from the project's own folder."""
    (tmp_path / "shared").symlink_to(SHARED)
    (tmp_path / "desk").mkdir()
    (tmp_path / "desk" / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path / "desk")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
@pytest.mark.usefixtures("desk")
def test_examples_run(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, object] = {"__name__": page.stem}
    for block in blocks(page):
        if block.language == "python":
            run_python(block, page, names)
        elif block.language == "console":
            run_console(block, page, capsys)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    targets = [found["target"] for found in LINK.finditer(page.read_text())]
    missing = [target for target in targets if "://" not in target and not (page.parent / target).exists()]
    assert missing == []


def test_site_builds_without_a_warning() -> None:
    build = [sys.executable, "-m", "zensical", "build", "--strict", "--clean"]
    built = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert built.returncode == 0, built.stdout + built.stderr
    assert (ROOT / "build" / "site" / "index.html").is_file()


def test_reference_is_current(tmp_path: Path) -> None:
    """If this fails: make docs."""
    write = [sys.executable, str(ROOT / "docs" / "write_reference.py"), str(tmp_path)]
    subprocess.run(write, check=True, timeout=120)
    for page in ("api.md", "cli.md"):
        assert (ROOT / "docs" / "reference" / page).read_text() == (tmp_path / page).read_text()


@pytest.mark.parametrize(
    "text",
    [
        "```python\nraise ValueError\n```\n",
        "```python\nassert False\n```\n",
        "```console\n$ true\nout\n$ false | cat\n```\n",
        "```console\n$ true \\\n    && exit 3\n```\n",
        "<!-- note -->\n```console\n$ exit 3\n```\n",
        "```console\n$ laborllm describe absent.parquet\n```\n",
        "```console\n$ laborllm describe absent.parquet \\\n    --json\n```\n",
        "```console\n$ laborllm describe absent.parquet > out\n```\n",
        "<!-- slow: hours -->\n```console\n$ true\n```\n\n<!-- note -->\n```console\n$ exit 3\n```\n",
    ],
)
@pytest.mark.usefixtures("desk")
def test_failing_example_is_noticed(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("page.md").write_text(f"# A page\n\n{text}")
    with pytest.raises((ValueError, AssertionError, pytest.fail.Exception)):
        test_examples_run(Path("page.md"), capsys)


@pytest.mark.usefixtures("desk")
def test_marked_or_other_block_does_not_run(capsys: pytest.CaptureFixture[str]) -> None:
    Path("page.md").write_text("<!-- slow: hours -->\n```console\n$ exit 3\n```\n\n```text\n$ exit 3\n```\n")
    test_examples_run(Path("page.md"), capsys)
