"""A model shared out between two processes (gloo, on a CPU) takes the steps of one, and resumes when interrupted."""

import os
import socket
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.distributed.tensor import DTensor

from laborllm.lm.base.load import load_base
from laborllm.lm.base.own_tokens import with_own_tokens
from laborllm.lm.forward.text_model import TextModel
from laborllm.lm.tokens.encoding import CareerEncoder, EncodedCareer, by_worker
from laborllm.lm.tuning.config import TuningConfig
from laborllm.lm.tuning.finetune import CareerTexts, finetune
from laborllm.models.counts.specs import Transition
from laborllm.models.language.head.classifier import TitleClassifier
from laborllm.models.language.head.network import HeadNetwork
from laborllm.models.language.head.offset import with_offset
from laborllm.models.language.head.task import TitleChoice
from laborllm.models.language.titles import encode
from laborllm.panel import Panel
from laborllm.text import Template, render
from laborllm.training.checkpoint import Checkpoints
from laborllm.training.curve import CurvePoint, read_curve, write_curve
from laborllm.training.loop import train

RECIPE = TuningConfig(method="full", batch_size=3, learning_rate=1e-3, validate_every=12, pack_tokens=128)


class Texts(CareerTexts):
    """Careers as text, for a user who interrupts at a look at the validation split."""

    validations_left = 100
    is_shared = False

    def perplexity(self) -> float:
        type(self).validations_left -= 1
        if self.validations_left < 0:
            raise KeyboardInterrupt
        assert any(isinstance(weight, DTensor) for weight in self.module.parameters()) == self.is_shared
        return super().perplexity()


def material(folder: Path, *, own_tokens: bool = False) -> tuple[TextModel, list[EncodedCareer]]:
    base = load_base(str(folder / "tiny"))
    panel = Panel.load(folder / "panel.parquet")
    if own_tokens:
        base = with_own_tokens(base, Template(), panel.taxonomy)
    model = TextModel(base, CareerEncoder(base.tokenizer, Template(), panel.taxonomy))
    return model, list(model.encoder.encode(render(panel, Template())))


def tune(folder: Path, name: str, *, shard: bool, checkpoints: Checkpoints | None = None) -> None:
    """All weights."""
    model, careers = material(folder)
    model.base.model.requires_grad_(True)
    training = by_worker(careers[:30])
    task = Texts(training, RECIPE.tokens_in_a_pass("cpu"), model=model, valid=careers[30:40], text_weight=1.0)
    task.is_shared = shard
    curve = train(task, replace(RECIPE, shard=shard), seed=0, checkpoints=checkpoints)
    keep(folder / name, curve, model.base.model)


def tune_adapter(folder: Path, name: str, *, shard: bool) -> None:
    """An adapter and tokens of their own for titles, activations recomputed, and the adapter merged."""
    model, careers = material(folder, own_tokens=True)
    config = replace(RECIPE, method="lora", recompute=shard, shard=shard)
    curve, _ = finetune(model, careers[:30], careers[30:40], config, seed=0)
    keep(folder / name, curve, model.base.model)


def tune_head(folder: Path, name: str, *, shard: bool) -> None:
    """All weights and a head over titles, trained on choices, a teacher and the other text."""
    model, _ = material(folder)
    panel, encoder = Panel.load(folder / "panel.parquet"), model.encoder
    training, valid = panel.subset("train").sample(30, seed=0), panel.subset("valid")
    offset, teacher = Transition().fit(panel), Transition(variant="plain").fit(panel)
    careers = with_offset(encode(encoder, training), training, offset.forecast(training), teacher.forecast(training))
    validation = with_offset(encode(encoder, valid), valid, offset.forecast(valid))
    head = HeadNetwork(len(panel.taxonomy), model.base.model.config.hidden_size)
    head.initialise(
        torch.randn(head.titles.shape, generator=torch.Generator().manual_seed(0)), head.center, head.spread
    )
    model.base.model.requires_grad_(True)
    classifier = TitleClassifier(model, head)
    task = TitleChoice(
        training=by_worker(careers),
        pack_tokens=RECIPE.tokens_in_a_pass("cpu"),
        classifier=classifier,
        valid=validation,
        text_weight=0.5,
        teacher_weight=0.5,
    )
    curve = train(task, replace(RECIPE, shard=shard), seed=0)
    keep(folder / name, curve, task.module)


def keep(place: Path, curve: list[CurvePoint], module: nn.Module) -> None:
    if os.environ.get("RANK", "0") == "0":
        write_curve(place.with_suffix(".csv"), curve)
        weights = {key: tensor.clone() for key, tensor in module.state_dict().items()}
        save_file(weights, place.with_suffix(".safetensors"))


def tune_together(rank: int, port: int, folder: Path) -> None:
    """One of two processes: tune at once, and again with an interruption."""
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2", "CUDA_VISIBLE_DEVICES": ""}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    torch.set_num_threads(1)
    tune(folder, "whole", shard=True)
    checkpoints = Checkpoints.of_run(folder / "run", {})
    Texts.validations_left = 2
    with pytest.raises(KeyboardInterrupt):
        tune(folder, "interrupted", shard=True, checkpoints=checkpoints)
    assert len(list(checkpoints.folder.glob("step-*"))) == 1
    Texts.validations_left = 100
    tune(folder, "resumed", shard=True, checkpoints=checkpoints)
    tune_adapter(folder, "adapter", shard=True)
    tune_head(folder, "head", shard=True)


@pytest.fixture(scope="module")
def tuned(base_folder: Path, panel: Panel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of one process, and of two that share out the model."""
    folder = tmp_path_factory.mktemp("sharding")
    (folder / "tiny").symlink_to(base_folder)
    panel.save(folder / "panel.parquet")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    context = get_context("spawn")
    processes = [context.Process(target=tune_together, args=(rank, port, folder)) for rank in range(2)]
    for process in processes:
        process.start()
    tune(folder, "one", shard=False)
    tune_adapter(folder, "one-adapter", shard=False)
    tune_head(folder, "one-head", shard=False)
    for process in processes:
        process.join(timeout=900)
        assert process.exitcode == 0
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    ("alone", "name"), [("one", "whole"), ("one", "resumed"), ("one-adapter", "adapter"), ("one-head", "head")]
)
def test_two_processes_take_the_steps_of_one(alone: str, name: str, tuned: Path) -> None:
    ours, theirs = (read_curve(tuned / f"{which}.csv") for which in (alone, name))
    assert len(ours) == len(theirs) == 4
    for one, two in zip(ours, theirs, strict=True):
        assert (one.careers, one.tokens) == (two.careers, two.tokens)
        assert two.train_loss == pytest.approx(one.train_loss, abs=1e-5, nan_ok=True)
        assert two.valid_perplexity == pytest.approx(one.valid_perplexity, rel=1e-5)
    weights, shared = (load_file(tuned / f"{which}.safetensors") for which in (alone, name))
    torch.testing.assert_close(shared, weights, rtol=1e-3, atol=1e-4)
