"""The head over titles: one pass over a career, where other methods score the text of every title.

The head is untrained: its numbers differ from those of a trained one, its speed does not.
"""

import numpy as np
import torch

from benchmarks.scoring_method import InProcess
from benchmarks.scoring_task import Floats, ScoringTask
from laborllm.lm.base.load import load_base
from laborllm.models.language.head.classifier import TitleClassifier
from laborllm.models.language.head.offset import OffsetCareer


def with_title_head(base: str, task: ScoringTask, *, layers: int | None = None) -> InProcess:
    """All titles of all records of the whole career, read with the first layers of the base model, or all of them."""
    classifier = TitleClassifier.on_best_device(load_base(base, layers=layers), task.encoder)
    classes, records = len(task.titles), len(task.whole.starts)
    career = OffsetCareer(**vars(task.whole), offset=np.zeros((records, classes + 1), dtype=np.float32))

    @torch.inference_mode()
    def read() -> Floats:
        (output,) = classifier.forward([career])
        return task.at_compared(output.log_prob[task.rows].double().cpu().numpy())

    name = "title-head" if layers is None else f"title-head, {layers} layers"
    return InProcess(name, classes, records, classifier.model.base.model, read, is_another_model=True)
