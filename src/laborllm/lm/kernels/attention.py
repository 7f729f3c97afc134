"""Our attention in any decoder of transformers: each pass brings a pattern, which says what each token may see.

Errors begin with "their": `lm.forward.probe`, which meets them, says before that whose weights are refused.
"""

from typing import Any, Protocol

from torch import Tensor, nn
from transformers import AttentionInterface, PreTrainedConfig, PreTrainedModel

from laborllm.errors import InputError

NAME = "laborllm"


class AttentionPattern(Protocol):
    """What the tokens of one pass may attend to."""

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float, dropout: float) -> Tensor:
        """Attention of the tokens of this pass.

        Args:
            layer: Number of the layer.
            query: (B, H, n, d).
            key: (B, G, n, d), with G dividing H.
            value: (B, G, n, d).
            scale: Of the scores.
            dropout: Of the attention weights.

        Returns:
            (B, H, n, d).
        """
        ...


def use_patterns(model: PreTrainedModel) -> None:
    """Let `model` attend as the pattern of each pass says: `model(..., pattern=...)`.

    Attention is set for this model only. Transformers finds the function by name, so it is registered under a name of
    our own; no other function of the registry, and no other model, changes.

    Whether the code of the model hands attention over at all is what `lm.forward.probe` finds out.
    """
    AttentionInterface.register(NAME, _attention)
    model.set_attn_implementation(NAME)


def context_length(model: PreTrainedModel) -> int:
    """The longest sequence that `model` reads with plain causal attention, in tokens: inside its windows and chunks,
    and as long as the rotation of positions does not depend on the longest sequence of a pass.

    Raises:
        InputError: The configuration of the model does not say.
    """
    config = model.config.get_text_config()
    longest = getattr(config, "max_position_embeddings", None)
    if not longest:
        raise InputError("their configuration does not state the longest sequence")
    window = getattr(config, "sliding_window", None)
    if getattr(config, "use_sliding_window", True) is False:
        window = None
    chunk = getattr(config, "attention_chunk_size", None)
    return int(min(longest, window or longest, chunk or longest, _short_rotation(config) or longest))


def _short_rotation(config: PreTrainedConfig) -> int | None:
    """The longest sequence before "longrope" (arXiv 2402.13753) rotates a whole pass by other factors, if used."""
    rope = getattr(config, "rope_parameters", None) or {}
    of_layers = rope.values() if rope and all(isinstance(value, dict) for value in rope.values()) else [rope]
    own = getattr(config, "original_max_position_embeddings", None)
    limits = [
        found.get("original_max_position_embeddings") or own
        for found in of_layers
        if found.get("rope_type") == "longrope"
    ]
    return min((int(limit) for limit in limits if limit), default=None)


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
        raise InputError("their attention has soft-capping or sinks")
    if attention_mask is not None:
        raise InputError("their attention has a mask of its own")
    scale = scaling if scaling is not None else query.shape[-1] ** -0.5
    query, key = query.to(value.dtype), key.to(value.dtype)
    output = pattern.attend(int(module.layer_idx), query, key, value, scale, dropout)  # type: ignore[arg-type]
    return output.transpose(1, 2).contiguous(), None
