"""Paths of a title head: what is new of each text is read, and the model behind the offset carries its own state."""

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from laborllm.lm.forward.growing_texts import GrowingTexts
from laborllm.lm.tokens.encoding import EncodedCareer
from laborllm.models.forecasts.forecast import Floats
from laborllm.models.language.head.classifier import TitleClassifier
from laborllm.models.language.head.inputs import head_inputs
from laborllm.models.language.head.offset import OffsetCareer, offset_logits
from laborllm.models.language.path_texts import PathTexts
from laborllm.models.paths import Paths
from laborllm.panel import Panel


class HeadPaths:
    """D paths of each of W workers.

    Args:
        classifier: A tuned text model with its head.
        panel: Careers with K open records each.
        offset: Paths of the offset model, of the same careers.
        draws: Paths of each worker, D.
    """

    def __init__(self, classifier: TitleClassifier, panel: Panel, offset: Paths, draws: int) -> None:
        self._classifier, self._offset = classifier, offset
        self._texts = PathTexts(classifier.model.encoder, panel, draws)
        self._growing = GrowingTexts(classifier.model)

    @torch.inference_mode()
    def probability(self) -> Tensor:
        """The distribution of the next open record, (W, D, J), or (W, 1, J) before the first record is closed."""
        texts, of_path = self._texts.texts()
        of_paths = self._offset.probability()
        _, first = np.unique(of_path, return_index=True)  # a path of each text: all of its paths have one offset
        offsets = of_paths.flatten(0, 1)[torch.from_numpy(first)].double().log().cpu().numpy()
        found, begin = [], 0
        for part in self._growing.read(texts):
            end = begin + len(part.texts)
            found.append(self._log_prob(part.texts, part.at_ends, offsets[begin:end]))
            begin = end
        return torch.cat(found).exp()[torch.from_numpy(of_path)].view(of_paths.shape)

    def append(self, occupation: Tensor) -> None:
        """Close the next open record of every path, of the offset model too."""
        self._texts.append(occupation)
        self._offset.append(occupation)

    def _log_prob(self, texts: list[EncodedCareer], hidden: Tensor, offsets: Floats) -> Tensor:
        """The log-probabilities of the last record of b texts, (b, J), from the hidden states at their ends, (b, d)."""
        model, none = self._classifier.model, offsets.shape[1]
        column = model.encoder.column
        last = [
            replace(text, starts=text.starts[-1:], ends=text.ends[-1:], history=(*text.places[:-1],)) for text in texts
        ]
        before = [text.tokens[slice(*text.history[-1])] if text.history else () for text in last]
        logits = offset_logits(offsets, np.array([column[title] if title else none for title in before]))
        careers = [OffsetCareer(**vars(text), offset=logits[[at]]) for at, text in enumerate(last)]
        log_prob: Tensor = self._classifier.head(hidden, head_inputs(careers, model.encoder, model.decoder.device))
        return log_prob
