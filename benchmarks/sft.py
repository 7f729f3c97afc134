"""SFTTrainer of TRL on careers: as it comes, and in the settings that suit careers best.

It gets the careers as tokens in the order in which they are to be read, and the same adapter as ours. `sft` is its
defaults: batches padded to the longest career, activations recomputed (gradient checkpointing). The others recompute
nothing: `sft-packed` packs careers in passes as long as ours, without padding (its packing, `bfd`); `sft-single` reads
one career a pass. Both add up the gradients of several passes, so that every setting takes the same steps.
"""

import time
import warnings
from collections.abc import Sequence
from tempfile import TemporaryDirectory
from typing import Any

import torch
from transformers import PrinterCallback, TrainerCallback

from benchmarks.machine import synchronise
from benchmarks.workload import Trainer, Workload
from laborllm.lm.base.load import BaseModel
from laborllm.lm.base.weights import add_adapter
from laborllm.lm.tokens.encoding import EncodedCareer
from laborllm.lm.tuning.config import TuningConfig
from laborllm.runtime import best_device, has_fast_bfloat16


def train_with_sft(base: BaseModel, careers: Sequence[EncodedCareer], setting: Trainer, workload: Workload) -> float:
    """Train the model of `base` in place; seconds from the first step to the end of the last."""
    from datasets import Dataset, disable_progress_bars
    from trl import SFTConfig, SFTTrainer

    torch.manual_seed(workload.seed)  # as ours does: the adapter begins alike
    model = add_adapter(base.model, TuningConfig().lora_rank) if workload.method == "lora" else base.model
    clock = _Clock()
    disable_progress_bars()
    with TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer = SFTTrainer(
            model,
            args=SFTConfig(output_dir=folder, **_common(workload), **_own(setting, careers, workload)),
            train_dataset=Dataset.from_dict({"input_ids": [list(career.tokens) for career in careers]}),
            processing_class=base.tokenizer,
            callbacks=[clock],
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()
    return clock.seconds


def _common(workload: Workload) -> dict[str, Any]:
    """Options that make SFTTrainer take our steps and write nothing."""
    device = best_device()
    return {
        "num_train_epochs": 1,
        "learning_rate": workload.learning_rate,
        "lr_scheduler_type": "constant",
        "train_sampling_strategy": "sequential",
        "seed": workload.seed,
        "bf16": has_fast_bfloat16(device),
        "use_cpu": device.type == "cpu",
        "report_to": "none",
        "save_strategy": "no",
        "logging_strategy": "no",
        "disable_tqdm": True,
    }


def _own(setting: Trainer, careers: Sequence[EncodedCareer], workload: Workload) -> dict[str, Any]:
    if setting == "sft":
        return {"per_device_train_batch_size": workload.batch_size}
    per_pass = 1
    packing: dict[str, Any] = {}
    if setting == "sft-packed":
        pack = TuningConfig().tokens_in_a_pass(best_device().type)
        per_pass = max(1, pack // max(len(career.tokens) for career in careers))
        packing = {"packing": True, "max_length": pack}
    return packing | {
        "per_device_train_batch_size": 1,
        "gradient_accumulation_steps": max(1, workload.batch_size // per_pass),
        "gradient_checkpointing": False,
    }


class _Clock(TrainerCallback):
    """Seconds between the beginning of training and the end of the last step."""

    seconds = 0.0

    def on_train_begin(self, *_: object, **__: object) -> None:
        self._start = time.perf_counter()

    def on_step_end(self, *_: object, **__: object) -> None:
        synchronise()
        self.seconds = time.perf_counter() - self._start
