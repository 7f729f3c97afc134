"""Our attention in any decoder of transformers: each pass brings a pattern, which says what each token may see."""

from typing import Any, Protocol

from torch import Tensor, nn
from transformers import AttentionInterface, PreTrainedModel

from laborllm.errors import InputError

NAME = "laborllm"
UNSUPPORTED = ("attn_logit_softcapping", "attention_chunk_size", "layers_block_type", "linear_num_key_heads")


class AttentionPattern(Protocol):
    """What the tokens of one pass may attend to."""

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float, dropout: float) -> Tensor:
        """Query (B, H, n, d), key and value (B, G, n, d) with G dividing H; returns (B, H, n, d)."""
        ...


def use_patterns(model: PreTrainedModel) -> None:
    """Let `model` attend as the pattern of each pass says: `model(..., pattern=...)`.

    Attention is chosen for this model alone. The name it is chosen by is entered in the registry of transformers, which
    is how transformers looks functions up; no other entry, and no other model, changes.

    Raises:
        InputError: The model has a kind of attention that patterns do not compute.
    """
    AttentionInterface.register(NAME, _attention)
    config = model.config.get_text_config()
    for feature in UNSUPPORTED:
        if getattr(config, feature, None) is not None:
            raise InputError(
                f"{model.config.model_type} models cannot be scored exactly: their {feature} is not supported"
            )
    model.set_attn_implementation(NAME)


def context_length(model: PreTrainedModel) -> int:
    """The longest sequence that `model` reads with plain causal attention, in tokens."""
    config = model.config.get_text_config()
    window = getattr(config, "sliding_window", None)
    if getattr(config, "use_sliding_window", True) is False:
        window = None
    return int(min(config.max_position_embeddings, window or config.max_position_embeddings))


def _attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    pattern: AttentionPattern,
    scaling: float | None = None,
    dropout: float = 0.0,
    **others: Any,
) -> tuple[Tensor, None]:
    if others.get("softcap") is not None or others.get("s_aux") is not None:
        raise InputError("models with attention soft-capping or sinks cannot be scored exactly")
    scale = scaling if scaling is not None else query.shape[-1] ** -0.5
    query, key = query.to(value.dtype), key.to(value.dtype)
    output = pattern.attend(int(module.layer_idx), query, key, value, scale, dropout)  # type: ignore[arg-type]
    return output.transpose(1, 2), None
