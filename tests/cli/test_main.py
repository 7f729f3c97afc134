"""What a user of the command line sees: help with an example, one line on bad input, quiet endings."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from shlex import split

import pytest
from cyclopts import App

from cli.commands import laborllm
from laborllm import __version__
from laborllm.cli import app
from laborllm.panel import Panel
from laborllm.panel.files.store import PanelFile
from laborllm.report.numbers import MINUS
from laborllm.text import Template, render

Capture = pytest.CaptureFixture[str]


def verbs(parent: App, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every verb that does something, such as ("import", "table")."""
    for name in parent:
        if not name.startswith("-"):
            below = list(verbs(parent[name], (*path, name)))
            yield from below or [(*path, name)]


VERBS = list(verbs(app))


def test_the_list_of_commands_holds_no_option_that_is_refused() -> None:
    """Nor a default of nothing."""
    listed = app.generate_docs().replace("--no-history-features", "")
    assert [word for word in ("--no-", "--empty-", "()", "None") if word in listed] == []


def test_verbs() -> None:
    assert {verb[0] for verb in VERBS} == {
        *(
            "import",
            "audit",
            "backtest",
            "group",
            "serve",
            "steps",
            "what-if",
            "export",
            "describe",
            "render",
            "fit",
            "forecast",
            "simulate",
            "evaluate",
            "models",
            "demo",
            "doctor",
            "code-titles",
            "curves",
            "mix",
            "out-of-fold",
            "study",
            "validate",
        )
    }


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_help_has_an_example_that_parses(verb: tuple[str, ...], capsys: Capture) -> None:
    assert laborllm(f"{' '.join(verb)} --help") == 0
    shown = " ".join(capsys.readouterr().out.split())
    help_text = " ".join((app[verb[0]] if len(verb) == 1 else app[verb[0]][verb[1]]).help.split())
    example = help_text.split("Example: `")[1].split("`")[0]
    assert example in shown
    assert example.startswith(f"laborllm {' '.join(verb)}")
    app.parse_args(split(example)[1:], exit_on_error=False, print_error=False)


def test_version(capsys: Capture) -> None:
    assert laborllm("--version") == 0
    assert capsys.readouterr().out.strip() == __version__


@pytest.mark.parametrize(
    ("command", "line"),
    [
        ("describ", 'Unknown command "describ". Did you mean "describe"?'),
        ("describe", "PANEL is missing: laborllm describe --help says what it is"),
        ("import nlswork", "--out is missing: laborllm import nlswork --help says what it is"),
        ("import nlswork --out", "--out requires an argument"),
        ("describe panel.parquet --jsn", "Unknown option: --jsn. Did you mean --json?"),
        ("describe nowhere.parquet", "no panel file at nowhere.parquet"),
        ("render panel.parquet --titles french", 'Invalid value "french" for --titles'),
        ("render panel.parquet --count 1.5", "whole number"),
        ("render panel.parquet --count many", "whole number"),
        ("render panel.parquet --count 0", "--count is 0: it must be at least 1"),
        ("render panel.parquet --worker-number 61", "--worker-number is 61, and the panel's workers are 1 to 60"),
        ("fit language-model panel.parquet --out run --careers 1.5", "whole number"),
        ("fit language-model panel.parquet --out run --epochs 1.5", "whole number"),
        ("fit language-model panel.parquet --out run --epochs 0", "epochs must be above zero, not 0"),
        ("fit nemo panel.parquet --out run --dropout 1", "dropout is a share from 0 to below 1, not 1.0"),
        ("fit bag-of-jobs panel.parquet --out run --width 0", "width must be at least 1, not 0"),
        ("fit career panel.parquet --out run --width 20", "width must be a multiple of twice the heads, not 20 for 4"),
        ("fit career panel.parquet --out run --pretrained nowhere", "no folder at nowhere"),
        ("import career . --out x.parquet", "has none of the files train.job"),
        ("export career panel.parquet --out panel.parquet", "panel.parquet exists already"),
        ("import table nowhere.csv --map nowhere.yaml --out x.parquet", "nowhere"),
        ("import nlswork --out nowhere/panel.parquet", "there is no folder"),
        ("import resumes nowhere.jsonl --out x.parquet", "no file at nowhere.jsonl"),
        ("import resumes panel.parquet --out x.parquet", "panel.parquet has no column 'start'"),
        ("fit transition panel.parquet --out panel.parquet", "panel.parquet exists already"),
        ("forecast nowhere panel.parquet --out forecast.parquet", "nowhere"),
        ("evaluate nowhere panel.parquet", "nowhere"),
    ],
)
def test_bad_input_is_one_line_and_code_2(command: str, line: str, capsys: Capture) -> None:
    before = sorted(Path().iterdir())
    assert laborllm(command) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("laborllm: ")
    assert line in err
    assert err.count("\n") == 1
    assert sorted(Path().iterdir()) == before


def test_a_line_stays_short_whatever_is_at_fault(capsys: Capture) -> None:
    assert laborllm(f"describe {'x' * 100_000}.parquet") == 2
    err = capsys.readouterr().err
    assert err.startswith("laborllm: ")
    assert err.endswith("xxx.parquet: File name too long\n")
    assert len(err) < 2_100


def test_interrupt_is_130(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    def interrupt(path: Path) -> PanelFile:
        raise KeyboardInterrupt

    monkeypatch.setattr(PanelFile, "open", interrupt)
    assert laborllm("describe panel.parquet") == 130
    assert capsys.readouterr().err == "laborllm: interrupted\n"


def test_bug_shows_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PanelFile, "open", lambda path: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        laborllm("describe panel.parquet")


def test_closed_pipe_is_quiet() -> None:
    code = "import sys; from laborllm.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", code, "render", "panel.parquet", "--count", "60"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(timeout=60) == 0


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    command = f"set -o pipefail; {sys.executable} -m laborllm models | head -1"
    found = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60)
    assert (found.returncode, found.stderr) == (0, "")
    assert found.stdout == "Occupation models, for laborllm fit MODEL:\n"


def test_a_base_model_out_of_reach_is_one_line_within_moments() -> None:
    environment = os.environ | {"HF_ENDPOINT": "http://192.0.2.1", "HF_HOME": str(Path("hub").resolve())}
    code = """
import sys, time
import laborllm.lm.base.hub
from laborllm.errors import InputError
start = time.monotonic()
try:
    laborllm.lm.base.hub.fetch("some/model")
except InputError as error:
    print(error)
print(time.monotonic() - start < 3)
"""
    found = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60)
    said, in_time = found.stdout.splitlines()
    assert "none of that name in the cache, and the hub is out of reach" in said
    assert in_time == "True"


def test_a_name_that_is_too_long_is_one_line(capsys: Capture) -> None:
    assert laborllm(f"export career panel.parquet --out {'x' * 300}") == 2
    said = capsys.readouterr().err
    assert "File name too long" in said
    assert said.count("\n") == 1


def test_render_shows_the_workers_asked_for(capsys: Capture, panel: Panel) -> None:
    careers = [career.text for career in render(panel, Template())]
    assert laborllm("render panel.parquet --worker-number 59 --count 5") == 0
    assert capsys.readouterr().out == f"{careers[58]}\n\n{careers[59]}\n"
    assert laborllm("render panel.parquet --titles numeric") == 0
    assert capsys.readouterr().out == f"{next(render(panel, Template(titles='numeric'))).text}\n"


def test_describe_prints_text_or_json(capsys: Capture) -> None:
    assert laborllm("describe panel.parquet") == 0
    assert "60" in capsys.readouterr().out
    assert laborllm("describe panel.parquet --json") == 0
    assert json.loads(capsys.readouterr().out)["workers"] == 60


def test_describe_writes_a_page(capsys: Capture) -> None:
    assert laborllm("describe panel.parquet --out panel.html") == 0
    assert "panel.html: the page" in capsys.readouterr().err
    assert "</html>" in Path("panel.html").read_text("utf-8")
    assert laborllm("describe panel.parquet --out nowhere/panel.html") == 2
    assert "there is no folder" in capsys.readouterr().err


def test_an_import_tells_what_became_of_every_row(capsys: Capture) -> None:
    Path("own.csv").write_text("id,year,occ\n1,2000,4\n1,2001,4\n1,2002,\n")
    Path("own.yaml").write_text("dataset: OWN\ntaxonomy: occ1990dd\nworker: id\nyear: year\noccupation: occ\n")
    assert laborllm("import table own.csv --map own.yaml --out own.parquet") == 0
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "own.parquet: 2 records of 1 workers; rows of the source:"
    assert [line.split(maxsplit=1) for line in lines[1:4]] == [
        ["3", "read"],
        [f"{MINUS}1", "occupation missing"],
        ["2", "kept"],
    ]
    assert lines[4] == "crosswalk: none"


def test_nlsy97_lists_its_questions(capsys: Capture) -> None:
    assert laborllm("import nlsy97 --questions") == 0
    assert "YEMP_OCCODE-2002.NN" in capsys.readouterr().out
    assert laborllm("import nlsy97 --out own.parquet") == 2
    assert "give the files of an extract and --out, or --questions" in capsys.readouterr().err
