"""The head over all titles: one pass over a career, where other methods read the text of every title.

Its head is that of a model before training: other numbers, computed as those of a trained one are.
"""

import numpy as np
import torch

from benchmarks.scoring_method import InProcess
from benchmarks.scoring_task import Floats, ScoringTask
from laborllm.lm.base.load import load_base
from laborllm.models.language.closed_set import ToldCareer, closed_set


def with_title_head(base: str, task: ScoringTask, *, layers: int | None = None) -> InProcess:
    """All titles of all records of the whole career, read with the first layers of the base model, or all of them."""
    model = closed_set(load_base(base, layers=layers), task.encoder)
    classes, records = len(task.titles), len(task.whole.starts)
    told = ToldCareer(**vars(task.whole), scores=np.zeros((records, classes + 1), dtype=np.float32))

    @torch.inference_mode()
    def read() -> Floats:
        (reading,) = model.read([told])
        return task.at_compared(reading.log_prob[task.rows].double().cpu().numpy())

    name = "title-head" if layers is None else f"title-head, {layers} layers"
    return InProcess(name, classes, records, model.decoder.model, read, is_another_model=True)
