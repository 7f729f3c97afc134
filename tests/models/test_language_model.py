"""What a fit of the language model leaves next to its run folder and in it."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path
from typing import Literal

import pytest

from cli.commands import laborllm
from laborllm.errors import StorageError
from laborllm.lm.tuning.config import TitleTokens, TuningConfig
from laborllm.models.language.specs import LanguageModel, TitleHead
from laborllm.models.registry import load
from laborllm.panel import Panel
from laborllm.training.config import Decay
from laborllm.training.curve import CurvePoint, read_curve
from laborllm.training.schedule import rate_factor

RECIPE = TuningConfig(learning_rate=1e-2, validate_every=16)


def known(curve: list[CurvePoint]) -> list[str]:
    return [repr(dataclasses.replace(point, seconds=0.0)) for point in curve]


@pytest.mark.parametrize(
    ("kind", "method", "title_tokens"),
    [
        *((LanguageModel, "lora", "spelled"), (LanguageModel, "full", "spelled"), (TitleHead, "lora", "spelled")),
        *((LanguageModel, "lora", "own"), (LanguageModel, "full", "own"), (TitleHead, "lora", "own")),
    ],
)
def test_a_fit_goes_on_to_the_same_weights(
    kind: type[LanguageModel | TitleHead],
    method: Literal["lora", "full"],
    title_tokens: TitleTokens,
    base_folder: Path,
    panel: Panel,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = dataclasses.replace(RECIPE, method=method)
    model = kind(base=str(base_folder), title_tokens=title_tokens, training=config)
    model.fit(panel, out=tmp_path / "whole").save(tmp_path / "whole")
    assert not (tmp_path / "whole.training").exists()

    def interrupted(step: int, steps: int, warmup: float, decay: Decay) -> float:
        if step == 13:
            raise KeyboardInterrupt
        return rate_factor(step, steps, warmup, decay)

    with monkeypatch.context() as patched:
        patched.setattr("laborllm.training.loop.rate_factor", interrupted)
        with pytest.raises(KeyboardInterrupt):
            model.fit(panel, out=tmp_path / "run")
    assert (tmp_path / "run.training").exists()
    other = dataclasses.replace(model, training=dataclasses.replace(model.training, lora_rank=8))
    with pytest.raises(StorageError, match="holds a training with lora_rank 16, not 8"):
        other.fit(panel, out=tmp_path / "run")
    model.fit(panel, out=tmp_path / "run").save(tmp_path / "run")
    assert not (tmp_path / "run.training").exists()
    first, second = (
        {path.name: path.read_bytes() for path in (tmp_path / name).rglob("*.safetensors")} for name in ("whole", "run")
    )
    assert first == second
    curves = [read_curve(tmp_path / name / "curve.csv") for name in ("whole", "run")]
    assert known(curves[0]) == known(curves[1])


def test_records_left_out_of_long_careers_are_counted(own_base_folder: Path, panel: Panel, tmp_path: Path) -> None:
    config = json.loads((own_base_folder / "config.json").read_text())
    (own_base_folder / "config.json").write_text(json.dumps(config | {"max_position_embeddings": 150}))
    config = dataclasses.replace(RECIPE, overflow="truncate")
    LanguageModel(base=str(own_base_folder), training=config).fit(panel).save(tmp_path / "run")
    about = json.loads((tmp_path / "run" / "run.json").read_text())
    left_out = about["metrics"]["oldest records left out by truncation"]
    assert left_out > 0
    assert about["record"]["records"] >= len(panel.subset("train")) - left_out


def test_the_curve_is_there_for_tensorboard(base_folder: Path, panel: Panel, tmp_path: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    model = LanguageModel(base=str(base_folder), training=RECIPE).fit(panel)
    model.save(tmp_path / "run")
    events = accumulator.EventAccumulator(str(tmp_path / "run" / "tensorboard"))
    events.Reload()
    written = [(event.step, event.value) for event in events.Scalars("valid_perplexity")]
    curve = read_curve(tmp_path / "run" / "curve.csv")
    assert written == [(point.careers, pytest.approx(point.valid_perplexity)) for point in curve]


def test_a_full_disk_leaves_no_run_folder_and_the_fit_can_be_saved_elsewhere(
    base_folder: Path, panel: Panel, small_disk: Path, tmp_path: Path
) -> None:
    config = dataclasses.replace(RECIPE, method="full")
    model = LanguageModel(base=str(base_folder), training=config).fit(panel)
    (small_disk / "other work").write_bytes(bytes(2**20 - 2**15))
    with pytest.raises(StorageError, match=r"cannot write .*run: .*No space left"):
        model.save(small_disk / "run")
    assert [path.name for path in small_disk.iterdir()] == ["other work"]
    model.save(tmp_path / "run")
    assert load(tmp_path / "run").spec.name == "language-model"


IN_FLOAT32 = """
import sys
from laborllm.lm.forward import text_model
text_model.has_fast_bfloat16 = lambda device: False
from laborllm.cli import main
sys.exit(main())
"""


@pytest.mark.slow
def test_two_processes_take_the_steps_of_one(
    base_folder: Path, panel: Panel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole command under torchrun on a CPU (gloo), with batches that two processes cannot share evenly. In
    float32: products in bfloat16 would round otherwise in other packs."""
    panel.save(tmp_path / "panel.parquet")
    (tmp_path / "in_float32.py").write_text(IN_FLOAT32)
    fit = f"fit language-model panel.parquet --base {base_folder} --validate-every 16 --batch-size 3"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    torchrun = f"{sys.executable} -m torch.distributed.run --standalone --nproc-per-node 2 in_float32.py"
    subprocess.run(f"{torchrun} {fit} --out two".split(), check=True, timeout=300)
    monkeypatch.setattr("laborllm.lm.forward.text_model.has_fast_bfloat16", lambda device: False)
    assert laborllm(f"{fit} --out one") == 0
    one, two = (load(tmp_path / name) for name in ("one", "two"))
    curves = [read_curve(tmp_path / name / "curve.csv") for name in ("one", "two")]
    assert len(curves[0]) == len(curves[1])
    for ours, theirs in zip(*curves, strict=True):
        assert (ours.careers, ours.tokens) == (theirs.careers, theirs.tokens)
        assert theirs.train_loss == pytest.approx(ours.train_loss, abs=1e-5, nan_ok=True)
        assert theirs.valid_perplexity == pytest.approx(ours.valid_perplexity, rel=1e-5)
    test = panel.subset("test")
    assert two.log_likelihood(test) == pytest.approx(one.log_likelihood(test), abs=1e-4)
    assert not list(tmp_path.glob("*.training"))
    assert (tmp_path / "two" / "curve.svg").read_text().startswith("<svg")
