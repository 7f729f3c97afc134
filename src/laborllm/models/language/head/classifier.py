"""A text model with the head over titles: all J probabilities of each record of a career from one forward pass."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

from torch import Tensor

from laborllm.lm.base.load import BaseModel
from laborllm.lm.forward.text_model import TextModel
from laborllm.lm.tokens.encoding import CareerEncoder
from laborllm.lm.tokens.packing import packed
from laborllm.models.language.head.inputs import HeadInputs, head_inputs
from laborllm.models.language.head.network import HeadNetwork
from laborllm.models.language.head.offset import OffsetCareer
from laborllm.runtime import FORWARD_TOKENS


@dataclass(frozen=True)
class HeadOutput:
    """The output of one pass.

    Attributes:
        careers: The careers of the pass, packed.
        hidden: (tokens, d) hidden states.
        inputs: The inputs of the head, n records.
        log_prob: (n, J) nats.
    """

    careers: list[OffsetCareer]
    hidden: Tensor
    inputs: HeadInputs
    log_prob: Tensor

    @property
    def observed(self) -> Tensor:
        """The log-probability of each observed occupation, (n,) nats."""
        return self.log_prob.gather(1, self.inputs.observed[:, None])[:, 0]


@dataclass(frozen=True)
class TitleClassifier:
    """A text model and its head."""

    model: TextModel
    head: HeadNetwork

    @classmethod
    def on_best_device(
        cls,
        base: BaseModel,
        encoder: CareerEncoder,
        *,
        dropout: float = 0.0,
        history_features: bool = True,
        bfloat16: bool = False,
    ) -> Self:
        """A base model with an untrained head, on the best device of this machine.

        Args:
            base: Weights and tokenizer.
            encoder: Careers to tokens.
            dropout: Share of the elements of a hidden state that the head does not see in training.
            history_features: Whether the head scores which titles were held before.
            bfloat16: Compute products of the base model in bfloat16 where that is fast.

        Returns:
            The classifier.
        """
        model = TextModel.on_best_device(base, encoder, bfloat16=bfloat16)
        width = base.model.config.get_text_config().hidden_size
        head = HeadNetwork(len(encoder.taxonomy), width, dropout=dropout, history_features=history_features)
        return cls(model, head.to(model.decoder.device).eval())

    def forward(self, careers: Sequence[OffsetCareer]) -> Iterator[HeadOutput]:
        """The output for all careers, one pass of the base model after the other."""
        return map(self.forward_packed, packed(careers, FORWARD_TOKENS[self.model.decoder.device.type]))

    def forward_packed(self, careers: list[OffsetCareer]) -> HeadOutput:
        """The output for careers in one pass."""
        decoder = self.model.decoder
        inputs = head_inputs(careers, self.model.encoder, decoder.device)
        with decoder.precision():
            hidden, _ = decoder.forward_packed(careers)
        return HeadOutput(careers, hidden, inputs, self.head(hidden[inputs.prompt_end], inputs))
