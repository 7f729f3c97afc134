"""A fit written down in a file is the fit that is typed; and its dry run describes it and writes nothing."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from cli.commands import laborllm
from laborllm.cli.fitting import fit
from laborllm.errors import InputError
from laborllm.lm.tuning.config import TuningConfig
from laborllm.models.contract import Spec
from laborllm.models.language.specs import LanguageModel
from laborllm.text import Template

Capture = pytest.CaptureFixture[str]

YAML = """\
panel: panel.parquet
out: run
careers: 30
base: b
titles: shuffled
leave-out: [birth-year, demographics]
last-records: 5
epochs: 2
recompute: true
"""
TOML = """\
panel = "panel.parquet"
out = "run"
careers = 30
base = "b"
titles = "shuffled"
leave-out = ["birth-year", "demographics"]
last-records = 5
epochs = 2
recompute = true
"""
WRITTEN = Template("shuffled", ("birth-year", "demographics"), last_records=5)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Spec, dict[str, Any]]]:
    """What would have been fitted, and how."""
    found: list[tuple[Spec, dict[str, Any]]] = []

    def fit_nothing(spec: Spec, panel: Path, **options: Any) -> None:
        found.append((spec, {"panel": panel, **options}))
        raise InputError("nothing is fitted here")

    monkeypatch.setattr("laborllm.api.fit", fit_nothing)
    return found


Asked = list[tuple[Spec, dict[str, Any]]]


@pytest.mark.parametrize(("name", "text"), [("fit.yaml", YAML), ("fit.toml", TOML)])
def test_a_file_says_what_options_do(name: str, text: str, asked: Asked) -> None:
    Path(name).write_text(text)
    laborllm(f"fit language-model --config {name}")
    laborllm(f"fit language-model other.parquet --config {name} --titles numeric --epochs 3")
    (spec, options), (typed, others) = asked
    assert spec == LanguageModel("b", WRITTEN, training=TuningConfig(epochs=2, recompute=True))
    assert options == {"panel": Path("panel.parquet"), "out": Path("run"), "careers": 30, "seed": 0, "resampled": None}
    assert isinstance(typed, LanguageModel)
    assert (typed.template.titles, typed.template.leave_out, typed.training.epochs) == ("numeric", WRITTEN.leave_out, 3)
    assert others["panel"] == Path("other.parquet")


@pytest.mark.parametrize("model", [name for name in fit.fit if not name.startswith("-")])
def test_every_fit_takes_a_file(model: str, asked: Asked) -> None:
    members = "a b" if model == "mixture" else ""
    Path("fit.yaml").write_text("out: run\nseed: 7\n")
    laborllm(f"fit {model} {members} panel.parquet --config fit.yaml")
    ((_, options),) = asked
    assert (options["out"], options["seed"]) == (Path("run"), 7)


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("fit.yaml", "titlez: shuffled\n", 'Unknown option: "[titlez]" from fit.yaml. Did you mean --titles?'),
        ("fit.yaml", "titles: roman\n", 'Invalid value "roman" for [titles] from fit.yaml. Choose from: "literal"'),
        ("fit.yaml", "epochs: 1.5\n", "Invalid value for [epochs]: '1.5' is not a whole number"),
        ("fit.yaml", "last-records: 0\n", "last-records must be at least 1, not 0"),
        ("fit.yaml", "- titles\n", 'Configuration in "fit.yaml" must be a mapping, but got list'),
        ("fit.yaml", "titles: [\n", "cannot read fit.yaml: while parsing a flow node"),
        ("fit.toml", "titles = \n", "cannot read fit.toml: Invalid value (at line 1, column 10)"),
        ("fit.yaml", None, "no file at fit.yaml"),
    ],
)
@pytest.mark.parametrize("verb", ["fit language-model", "validate"])
def test_a_file_that_is_wrong_is_one_line(verb: str, name: str, text: str | None, line: str, capsys: Capture) -> None:
    if text is not None:
        Path(name).write_text(text)
    assert laborllm(f"{verb} panel.parquet --out run --config {name}") == 2
    (shown,) = capsys.readouterr().err.splitlines()
    assert line in shown
    assert not Path("run").exists()


def test_a_dry_run_describes_the_fit_and_writes_nothing(base_folder: Path, capsys: Capture) -> None:
    Path("fit.yaml").write_text(f"panel: panel.parquet\nbase: {base_folder}\nout: run\ncareers: 12\nlast-records: 2\n")
    before = sorted(Path().iterdir())
    assert laborllm("validate --config fit.yaml --json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["careers"], found["steps"], found["validation_steps"], found["out"]) == (12, 6, 2, "run")
    assert found["seconds"] > 0
    assert laborllm("validate --config fit.yaml") == 0
    shown = capsys.readouterr().out
    assert "12 training careers" in shown
    assert "6 steps" in shown
    assert sorted(Path().iterdir()) == before


def test_a_dry_run_refuses_what_the_fit_would(base_folder: Path, capsys: Capture) -> None:
    Path("run").mkdir()
    assert laborllm(f"validate panel.parquet --base {base_folder} --out run") == 2
    assert "run exists already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("fit transition panel.parquet other.parquet --out run", "'other.parquet'"),
        ("describe panel.parquet --colour red", "Unknown option: --colour"),
        ("models of mine", "'of' 'mine'"),
    ],
)
def test_words_that_no_command_takes(command: str, words: str, capsys: Capture) -> None:
    assert laborllm(command) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("laborllm: ")
    assert words in line
    assert "Tokens" not in line


@pytest.mark.parametrize("width", [10**14, 2**40])
def test_a_model_that_no_memory_holds(width: int, capsys: Capture) -> None:
    assert laborllm(f"fit nemo panel.parquet --width {width} --out run") == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith("laborllm: memory does not hold this: ask for a smaller")
    assert not Path("run").exists()


BOMB = "a: &a [x, x]\n" + "".join(f"{b}: &{b} [*{a}, *{a}, *{a}, *{a}, *{a}]\n" for a, b in pairwise("abcdefghijk"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("seed: 1\nout: run\nseed: 2\n", "line 3 gives the entry 'seed' a second time"),
        (BOMB, "*a refers to another place: write the value itself"),
        ("[" * 5000, "cannot read fit.yaml"),
        ("- a\n- b\n", "must be a mapping"),
        ("\xff: [", "cannot read fit.yaml"),
        ("seed: {a: 1}\n", "seed"),
    ],
)
def test_a_file_of_options_that_is_not_one(text: str, said: str, capsys: Capture) -> None:
    Path("fit.yaml").write_text(text, "latin-1")
    assert laborllm("fit transition panel.parquet --out run --config fit.yaml") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
