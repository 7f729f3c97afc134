"""The inputs of the head for the records of packed careers, history features among them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from laborllm.lm.tokens.encoding import CareerEncoder
from laborllm.models.language.head.offset import OffsetCareer

HISTORY_FEATURES = 2  # whether an occupation was held before, and one over the records since


@dataclass(frozen=True)
class HeadInputs:
    """The n records of packed careers.

    Attributes:
        prompt_end: (n,) place of the last token of each prompt in the pack.
        previous: (n,) column of the occupation before; J where there is none.
        observed: (n,) column of the record's occupation; J where the record is open.
        offset: (n, J + 1) offset logits of the occupations, and of staying.
        history: (n, J, 2) history features of each occupation.
        teacher_probs: (n, J) probabilities of a teacher; None without one.
    """

    prompt_end: Tensor
    previous: Tensor
    observed: Tensor
    offset: Tensor
    history: Tensor
    teacher_probs: Tensor | None = None


def head_inputs(careers: Sequence[OffsetCareer], encoder: CareerEncoder, device: torch.device) -> HeadInputs:
    """The inputs of the head for the records of packed careers.

    Args:
        careers: Careers as tokens, n records together, with the offset of each.
        encoder: Knows the column of each title.
        device: Where the tensors are to be.

    Returns:
        Tensors with a row per record.
    """
    none = len(encoder.taxonomy)
    column = encoder.column | {(): none}
    prompt_end, previous, observed, history = [], [], [], []
    begin = 0
    for career in careers:
        columns = [column[career.tokens[start:end]] for start, end in career.places]
        read = len(career.history)
        prompt_end += [begin + start - 1 for start in career.starts]
        previous += [none, *columns[:-1]][read:]
        observed += columns[read:]
        history.append(history_features(columns, none)[read:])
        begin += len(career.tokens)
    tensors = [
        torch.tensor(prompt_end),
        torch.tensor(previous),
        torch.tensor(observed),
        torch.from_numpy(np.concatenate([career.offset for career in careers])),
        torch.from_numpy(np.concatenate(history)),
    ]
    probs = [career.teacher_probs for career in careers if career.teacher_probs is not None]
    if probs:
        tensors.append(torch.from_numpy(np.concatenate(probs)))
    return HeadInputs(*(tensor.to(device) for tensor in tensors))


def history_features(columns: Sequence[int], occupations: int) -> NDArray[np.float32]:
    """Whether each occupation was held before each record of a career, and one over the records since, (T, J, 2)."""
    features = np.zeros((len(columns), occupations, HISTORY_FEATURES), dtype=np.float32)
    for at in range(1, len(columns)):
        features[at] = features[at - 1]
        held = features[at, :, 0] > 0
        features[at, held, 1] = 1 / (1 / features[at, held, 1] + 1)
        features[at, columns[at - 1]] = 1
    return features
