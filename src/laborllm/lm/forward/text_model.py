"""A language model over career texts: what training tunes, scoring scores with, and embedding reads with."""

from collections.abc import Sequence
from typing import Self

from laborllm.lm.base.load import BaseModel
from laborllm.lm.forward.decoder import Decoder
from laborllm.lm.tokens.encoding import CareerEncoder, EncodedCareer, Tokens
from laborllm.runtime import best_device, has_fast_bfloat16


class TextModel:
    """A base model, the encoder of its texts and its vocabulary, which travel together.

    Attributes:
        base: Weights and tokenizer.
        encoder: Careers to tokens.
        vocabulary: Tokens over which the softmax is (see `tokens_in_use`); None for all of the base model's.
        decoder: The forward pass of `base`.
    """

    def __init__(
        self, base: BaseModel, encoder: CareerEncoder, *, autocast: bool = False, vocabulary: Tokens | None = None
    ) -> None:
        """With `autocast`, products are in bfloat16. Raises `InputError` if `Decoder` refuses the base model."""
        self.base = base
        self.encoder = encoder
        self.vocabulary = vocabulary
        self.decoder = Decoder(base.model, autocast=autocast, vocabulary=vocabulary)

    @classmethod
    def on_best_device(
        cls, base: BaseModel, encoder: CareerEncoder, *, bfloat16: bool = False, vocabulary: Tokens | None = None
    ) -> Self:
        """A text model on the best device of this machine.

        Args:
            base: Weights and tokenizer.
            encoder: Careers to tokens.
            bfloat16: Compute products in bfloat16 where that is fast.
            vocabulary: Tokens over which the softmax is; None: all of the base model's.

        Returns:
            The text model.
        """
        device = best_device()
        autocast = bfloat16 and has_fast_bfloat16(device)
        if base.shards is None:
            base.model.to(device)  # type: ignore[arg-type]
            return cls(base, encoder, autocast=autocast, vocabulary=vocabulary)
        model = base.shards.compute(lambda: cls(base, encoder, autocast=autocast, vocabulary=vocabulary))
        base.shards.reshard()
        return model

    def require_room(self, careers: Sequence[EncodedCareer]) -> None:
        """Raise `CapacityError` unless the longest career, and a title, fit into the model's context."""
        self.decoder.require_room(careers, beyond=max(map(len, self.encoder.title_tokens)))
