"""The trainers that are compared, each from the base model to the weights after one pass over the same careers."""

import time
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.functional import cross_entropy
from transformers import PreTrainedModel

from benchmarks.careers import long_careers
from benchmarks.machine import clock, synchronise, training_precision
from benchmarks.sft import train_with_sft
from benchmarks.workload import Trainer, TrainerResult, Workload
from laborllm.lm.base.load import BaseModel, load_base
from laborllm.lm.forward.text_model import TextModel
from laborllm.lm.tokens.closed_vocabulary import tokens_in_use
from laborllm.lm.tokens.encoding import CareerEncoder, EncodedCareer
from laborllm.lm.tuning.config import TuningConfig
from laborllm.lm.tuning.finetune import finetune
from laborllm.runtime import best_device, peak_memory
from laborllm.text import Template, render
from laborllm.training.schedule import career_order


def run(trainer: Trainer, workload: Workload) -> TrainerResult:
    """Do the workload with one trainer, in this process."""
    material = _Material.of(workload)
    model = material.base.model.to(best_device())  # type: ignore[arg-type]
    before = mean_loss(model, material.held_out)
    vocabulary = tokens_in_use(material.encoder, material.all) if trainer == "laborllm-closed" else None
    needed = flops_per_token(model, workload.method, None if vocabulary is None else len(vocabulary))
    if torch.cuda.is_available():
        _wake(model, material.held_out[0])
        torch.cuda.reset_peak_memory_stats()  # the peak so far is the one of `mean_loss`, all logits at once
    began, wall = clock(), time.perf_counter()
    if trainer.startswith("sft"):
        order = career_order(workload.careers, seed=workload.seed, epoch=0)
        seconds = train_with_sft(material.base, [material.training[i] for i in order], trainer, workload)
    else:
        seconds = _train_with_laborllm(material, workload, vocabulary)
    processor_share = (clock() - began) / (time.perf_counter() - wall)
    return TrainerResult(
        steps=-(-workload.careers // workload.batch_size),
        seconds=seconds * processor_share,
        tokens=sum(len(career.tokens) for career in material.training),
        flops_per_token=needed,
        memory=peak_memory(),
        loss_before=before,
        loss=mean_loss(model, material.held_out),
    )


def flops_per_token(model: PreTrainedModel, method: str, vocabulary: int | None = None) -> int:
    """Floating-point operations that the loss of a token and its gradient need.

    For each weight of a linear layer: two in the forward pass, two for the gradient of its input, and two for the
    gradient of the weight if it is trained. Attention and the adapter itself, a few per cent, are left out. vocabulary:
    size of a closed one.
    """
    layers = sum(m.weight.numel() for m in model.base_model.modules() if isinstance(m, nn.Linear))
    head = model.get_output_embeddings().weight
    weights = layers + int(head.numel()) * (vocabulary or len(head)) // len(head)
    return (6 if method == "full" else 4) * weights


def _wake(model: PreTrainedModel, career: EncodedCareer) -> None:
    """Let a GPU load what a step of training runs, which takes seconds once, and is no part of any trainer."""
    tokens = torch.tensor([career.tokens], device=model.device)
    with torch.autocast(model.device.type, dtype=training_precision()):
        model(input_ids=tokens, labels=tokens, use_cache=False).loss.backward()
    model.zero_grad(set_to_none=True)
    synchronise()


@torch.inference_mode()
def mean_loss(model: PreTrainedModel, careers: list[EncodedCareer]) -> float:
    """Nats per token of the careers, as transformers computes it, one by one over the whole vocabulary."""
    model.eval()
    model.set_attn_implementation("sdpa")
    nats = 0.0
    for career in careers:
        tokens = torch.tensor([career.tokens], device=model.device)
        logits = model.get_output_embeddings()(model.base_model(input_ids=tokens, use_cache=False).last_hidden_state)
        nats += float(cross_entropy(logits[0, :-1].float(), tokens[0, 1:], reduction="sum"))
    return nats / sum(len(career.tokens) - 1 for career in careers)


@dataclass(frozen=True)
class _Material:
    """A base model and the careers of an workload as tokens."""

    base: BaseModel
    encoder: CareerEncoder
    training: list[EncodedCareer]
    held_out: list[EncodedCareer]

    @classmethod
    def of(cls, workload: Workload) -> "_Material":
        base = load_base(workload.base)
        panel = long_careers(workload.careers + workload.held_out, seed=workload.seed)
        encoder = CareerEncoder(base.tokenizer, Template(), panel.taxonomy)
        careers = list(encoder.encode(render(panel, encoder.template)))
        return cls(base, encoder, careers[: workload.careers], careers[workload.careers :])

    @property
    def all(self) -> list[EncodedCareer]:
        return self.training + self.held_out


def _train_with_laborllm(material: _Material, workload: Workload, vocabulary: tuple[int, ...] | None) -> float:
    """Seconds of all steps; the validation split, one training career, is looked at before and after."""
    model = TextModel.on_best_device(material.base, material.encoder, bfloat16=True, vocabulary=vocabulary)
    config = TuningConfig(
        method=workload.method,
        epochs=1,
        batch_size=workload.batch_size,
        learning_rate=workload.learning_rate,
        warmup=0.0,
        decay="constant",
        validate_every=workload.careers,
    )
    curve, _ = finetune(model, material.training, material.training[:1], config, seed=workload.seed)
    return curve[-1].seconds
