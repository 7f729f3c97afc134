"""A model shared out between two processes (gloo, on a CPU) takes the steps of one, and resumes on one and on three."""

import json
import os
import socket
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from shutil import copytree

import pytest
import torch
import torch.distributed as dist
from accelerate import PartialState
from safetensors.torch import load_file, save_file
from torch import nn
from torch.distributed.tensor import DTensor

import laborllm as ll
from laborllm.lm.base.in_shards import load_in_shards, save_in_shards
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

pytestmark = pytest.mark.slow  # several processes of torch

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


def material(
    folder: Path, *, own_tokens: bool = False, in_shards: bool = False
) -> tuple[TextModel, list[EncodedCareer]]:
    base = (load_in_shards if in_shards else load_base)(str(folder / "tiny"))
    panel = Panel.load(folder / "panel.parquet")
    if own_tokens:
        base = with_own_tokens(base, Template(), panel.taxonomy)
    model = TextModel.on_best_device(base, CareerEncoder(base.tokenizer, Template(), panel.taxonomy))
    return model, list(model.encoder.encode(render(panel, Template())))


def tune(folder: Path, name: str, *, shard: bool, checkpoints: Checkpoints | None = None) -> None:
    """All weights; where they are shared out, no process ever reads, holds or writes more than its part."""
    model, careers = material(folder, in_shards=shard)
    model.base.model.requires_grad_(True)
    training = by_worker(careers[:30])
    task = Texts(training, RECIPE.tokens_in_a_pass("cpu"), model=model, valid=careers[30:40], text_weight=1.0)
    task.is_shared = shard
    shards = model.base.shards
    curve = train(task, replace(RECIPE, shard=True), seed=0, checkpoints=checkpoints, shards=shards)
    if shards is None:
        keep(folder / name, curve, model.base.model)
        return
    shards.reshard()  # embedding and output are whole after a pass
    own = [weight.to_local().numel() for weight in model.base.model.parameters() if isinstance(weight, DTensor)]
    (folder / f"{name}.{os.environ['RANK']}.json").write_text(json.dumps(own))
    saved = save_in_shards(model.base, shards, folder / name)
    if os.environ["RANK"] == "0":
        saved.rename(folder / name)
    keep(folder / name, curve, None)


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


def keep(place: Path, curve: list[CurvePoint], module: nn.Module | None) -> None:
    if os.environ.get("RANK", "0") == "0":
        write_curve(place.with_suffix(".csv"), curve)
        if module is None:
            module = load_base(str(place)).model
        weights = {key: tensor.clone() for key, tensor in module.state_dict().items()}
        save_file(weights, place.with_suffix(".safetensors"))


def join_group(rank: int, size: int, port: int) -> None:
    """Become one of `size` processes, of no other group any more."""
    if dist.is_initialized():
        dist.destroy_process_group()
        PartialState._reset_state()
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(size), "CUDA_VISIBLE_DEVICES": ""}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}


def tune_together(rank: int, ports: tuple[int, int], folder: Path) -> None:
    """One of two processes: tune at once, and again with an interruption; then, with a third, resume from that."""
    torch.set_num_threads(1)
    if rank < 2:
        join_group(rank, 2, ports[0])
        tune(folder, "whole", shard=True)
        Texts.validations_left = 2
        with pytest.raises(KeyboardInterrupt):
            tune(folder, "interrupted", shard=True, checkpoints=Checkpoints.of_run(folder / "run", {}))
        Texts.validations_left = 100
        tune_adapter(folder, "adapter", shard=True)
        tune_head(folder, "head", shard=True)
        fit(folder, "fit")
    join_group(rank, 3, ports[1])
    tune(folder, "on-three", shard=True, checkpoints=copied(folder, rank))


def copied(folder: Path, rank: int) -> Checkpoints:
    """A copy of the checkpoints that two processes left, so that those stay as they are."""
    PartialState(cpu=True)
    if rank == 0:
        copytree(folder / "run.training", folder / "three.training")
    dist.barrier()
    return Checkpoints.of_run(folder / "three", {})


def fit(folder: Path, name: str) -> None:
    """A run folder, by the front door."""
    spec = ll.LanguageModel(base=str(folder / "tiny"), training=replace(RECIPE, shard=True), valid_careers=10)
    ll.fit(spec, ll.read_panel(folder / "panel.parquet"), careers=30, out=folder / name)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture(scope="module")
def tuned(base_folder: Path, panel: Panel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of one process, and of two and three that share out the model."""
    folder = tmp_path_factory.mktemp("sharding")
    (folder / "tiny").symlink_to(base_folder)
    (folder / "fit.weights").mkdir()
    (folder / "fit.weights" / "notes.txt").write_text("of somebody else")
    panel.save(folder / "panel.parquet")
    context, ports = get_context("spawn"), (free_port(), free_port())
    processes = [context.Process(target=tune_together, args=(rank, ports, folder)) for rank in range(3)]
    for process in processes:
        process.start()
    tune(folder, "one", shard=False)
    tune_adapter(folder, "one-adapter", shard=False)
    tune_head(folder, "one-head", shard=False)
    fit(folder, "one-fit")
    for process in processes:
        process.join(timeout=900)
        assert process.exitcode == 0
    tune(folder, "on-one", shard=False, checkpoints=Checkpoints.of_run(folder / "run", {}))
    return folder


@pytest.mark.parametrize(
    ("alone", "name"),
    [("one", "whole"), ("one", "on-one"), ("one", "on-three"), ("one-adapter", "adapter"), ("one-head", "head")],
)
def test_several_processes_take_the_steps_of_one(alone: str, name: str, tuned: Path) -> None:
    ours, theirs = (read_curve(tuned / f"{which}.csv") for which in (alone, name))
    assert len(ours) == len(theirs) == 4
    for one, two in zip(ours, theirs, strict=True):
        assert (one.careers, one.tokens) == (two.careers, two.tokens)
        assert two.train_loss == pytest.approx(one.train_loss, abs=1e-5, nan_ok=True)
        assert two.valid_perplexity == pytest.approx(one.valid_perplexity, rel=1e-5)
    weights, shared = (load_file(tuned / f"{which}.safetensors") for which in (alone, name))
    torch.testing.assert_close(shared, weights, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("name", "processes"), [("whole", 2), ("on-three", 3)])
def test_no_process_holds_the_whole_model(name: str, processes: int, tuned: Path) -> None:
    weights = load_file(tuned / "one.safetensors")
    own = [json.loads((tuned / f"{name}.{rank}.json").read_text()) for rank in range(processes)]
    assert sum(map(sum, own)) == sum(weight.numel() for weight in dict.fromkeys(weights.values()))
    assert all(sum(part) < 1.2 * sum(map(sum, own)) / processes for part in own)


def test_each_process_writes_its_part_of_a_checkpoint(tuned: Path) -> None:
    """Weights, the best ones and two moments, and a count of steps for each tensor."""
    (folder,) = (tuned / "three.training").iterdir()
    sizes = [file.stat().st_size for file in folder.glob("shard-*")]
    assert len(sizes) == 3
    assert max(sizes) < 1.5 * min(sizes)


def test_a_run_folder_that_no_process_held_is_that_of_one(tuned: Path) -> None:
    runs = [ll.load(tuned / name) for name in ("one-fit", "fit")]
    panel = ll.read_panel(tuned / "panel.parquet").subset("test")
    one, two = (run.log_likelihood(panel) for run in runs)
    assert two == pytest.approx(one, abs=1e-3)
    assert not (tuned / "fit.training").exists()
    assert not list(tuned.glob(".fit*"))
    assert [path.name for path in (tuned / "fit.weights").iterdir()] == ["notes.txt"]
