"""The closed set of titles beside the ways that read their text: one pass over a career, and a head over all of them.

Its head is that of a model before training: other numbers, computed as those of a trained one are.
"""

import numpy as np
import torch

from laborllm.bench.sample import Floats, Sample
from laborllm.bench.way import InProcess
from laborllm.lm.base.load import load_base
from laborllm.models.language.closed_set import ToldCareer, closed_set


def with_title_head(base: str, sample: Sample, *, layers: int | None = None) -> InProcess:
    """All titles of all records of the whole career, read with the first layers of the base model, or all of them."""
    model = closed_set(load_base(base, layers=layers), sample.encoder)
    entries, records = len(sample.titles), len(sample.whole.starts)
    told = ToldCareer(**vars(sample.whole), scores=np.zeros((records, entries + 1), dtype=np.float32))

    @torch.inference_mode()
    def read() -> Floats:
        (reading,) = model.read([told])
        return sample.at_compared(reading.log_prob[sample.rows].double().cpu().numpy())

    name = "title-head" if layers is None else f"title-head, {layers} layers"
    return InProcess(name, entries, records, model.reader.model, read, is_another_model=True)
