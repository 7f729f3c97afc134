"""A researcher: a base model of her own, tried, tuned on few careers, killed and resumed, and set against counting."""

import json
from pathlib import Path

import pytest

import laborllm as ll
from cli.commands import laborllm
from laborllm.panel import Panel
from laborllm.training.config import Decay
from laborllm.training.schedule import rate_factor

CAREERS = 12
KILLED_AT = 4  # steps
Capture = pytest.CaptureFixture[str]


def test_from_a_base_model_to_a_comparison(
    base_folder: Path, panel: Panel, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    panel.save(Path("panel.parquet"))
    options = f"panel.parquet --base {base_folder} --careers {CAREERS} --learning-rate 0.01 --validate-every 4"
    assert laborllm(f"validate {options} --out tuned --json") == 0
    foreseen = json.loads(capsys.readouterr().out)
    assert foreseen["careers"] == CAREERS
    assert sorted(path.name for path in Path().iterdir()) == ["panel.parquet"]

    def killed(step: int, steps: int, warmup: float, decay: Decay) -> float:
        if step == KILLED_AT:
            raise KeyboardInterrupt
        return rate_factor(step, steps, warmup, decay)

    with monkeypatch.context() as patched:
        patched.setattr("laborllm.training.loop.rate_factor", killed)
        assert laborllm(f"fit language-model {options} --out tuned") == 130
    assert Path("tuned.training").is_dir()
    assert not Path("tuned").exists()
    steps: list[int] = []

    def counted(step: int, steps_in_all: int, warmup: float, decay: Decay) -> float:
        steps.append(step)
        return rate_factor(step, steps_in_all, warmup, decay)

    with monkeypatch.context() as patched:
        patched.setattr("laborllm.training.loop.rate_factor", counted)
        assert laborllm(f"fit language-model {options} --out tuned") == 0
    assert 0 < min(steps) <= KILLED_AT  # it resumes from a checkpoint, and does not begin again
    assert not Path("tuned.training").exists()
    assert laborllm(f"fit language-model {options} --out whole") == 0
    weights = [sorted(Path(name).rglob("*.safetensors")) for name in ("tuned", "whole")]
    assert weights[0]
    assert [file.read_bytes() for file in weights[0]] == [file.read_bytes() for file in weights[1]]
    tuned = ll.load("tuned")
    assert tuned.record.workers == CAREERS

    assert laborllm("fit transition panel.parquet --out transition") == 0
    assert laborllm(f"fit off-the-shelf panel.parquet --base {base_folder} --out base") == 0
    capsys.readouterr()
    asked = "--split train --metrics raw_perplexity --draws 50"  # the other splits are too small to be shown
    assert laborllm(f"evaluate transition tuned base panel.parquet {asked} --by transition --json") == 0
    typed = json.loads(capsys.readouterr().out)
    models = {name: ll.load(name) for name in ("transition", "tuned", "base")}
    found = ll.evaluate(models, panel, split="train", by=["transition"], metrics=["raw_perplexity"], draws=50)
    assert typed["estimates"] == json.loads(found.to_json())["estimates"]
    transition, after, before = (found.row(name, "raw_perplexity")["estimate"] for name in models)
    assert transition is not None
    assert after is not None
    assert before is not None
    assert after < before / 2
    ratio = found.compared("tuned", "transition", "raw_perplexity")
    assert ratio["estimate"] == pytest.approx(after / transition)
