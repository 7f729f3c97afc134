"""Kernels against their formulas, written with whole masks and no packing; values and gradients, in float64."""

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from peft import LoraConfig, inject_adapter_in_model
from torch import Tensor, nn
from transformers.models.llama.modeling_llama import apply_rotary_pos_emb

from laborllm.lm.kernels import padding, tree_attention
from laborllm.lm.kernels.blocked_attention import BLOCK, causal_attention
from laborllm.lm.kernels.lora_linear import lora_linear
from laborllm.lm.kernels.packed_attention import CachedText, ContinuedAttention, PackedAttention
from laborllm.lm.kernels.padding import Padding
from laborllm.lm.kernels.rms_norm import rms_norm
from laborllm.lm.kernels.rotary import apply_rotary
from laborllm.lm.kernels.tree_attention import KVCache, TreeAttention

SCALE = 0.7
LENGTHS = st.lists(st.integers(1, 9), min_size=1, max_size=5)
FEW = settings(max_examples=15)


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def inputs(tokens: int, heads: int = 4, groups: int = 2, width: int = 3) -> tuple[Tensor, Tensor, Tensor]:
    """Query (H, n, d), key and value (G, n, d), which want a gradient."""
    found = random(heads, tokens, width), random(groups, tokens, width, seed=1), random(groups, tokens, width, seed=2)
    return tuple(tensor.requires_grad_() for tensor in found)  # type: ignore[return-value]


def attention(query: Tensor, key: Tensor, value: Tensor, sees: Tensor) -> Tensor:
    """Softmax over what each query sees, (m, n); each key head serves as many query heads in a row."""
    key, value = (tensor.repeat_interleave(len(query) // len(tensor), dim=0) for tensor in (key, value))
    score = (SCALE * query @ key.mT).masked_fill(~sees, float("-inf"))
    seen: Tensor = score.softmax(dim=-1) @ value
    return seen


def causal(lengths: Sequence[int]) -> Tensor:
    """(n, n) what each token of packed sequences sees."""
    blocks: Tensor = torch.block_diag(*(torch.ones(length, length).tril() for length in lengths))
    return blocks.bool()


def assert_same(ours: Tensor, theirs: Tensor, of: Sequence[Tensor]) -> None:
    """Equal, and with equal gradients of a sum that weighs every element otherwise."""
    torch.testing.assert_close(ours, theirs)
    weight = random(*ours.shape, seed=9)
    gradients = [torch.autograd.grad((weight * output).sum(), of, retain_graph=True) for output in (ours, theirs)]
    for mine, other in zip(*gradients, strict=True):
        torch.testing.assert_close(mine, other)


@FEW
@given(LENGTHS)
def test_blocks_of_queries_are_causal_attention(lengths: list[int]) -> None:
    q, k, v = inputs(sum(lengths))
    assert_same(causal_attention(q, k, v, lengths, SCALE), attention(q, k, v, causal(lengths)), (q, k, v))


@pytest.mark.parametrize("lengths", [[BLOCK], [BLOCK + 1], [2 * BLOCK + 3, 5, BLOCK - 1]])
def test_sequences_of_several_blocks(lengths: list[int]) -> None:
    q, k, v = inputs(sum(lengths), heads=2, groups=1)
    assert_same(causal_attention(q, k, v, lengths, SCALE), attention(q, k, v, causal(lengths)), (q, k, v))


@pytest.mark.parametrize("padded", [False, True])
@FEW
@given(lengths=LENGTHS)
def test_packed_sequences_are_blind_to_each_other(padded: bool, lengths: list[int]) -> None:
    """One after the other as on a CPU, and in a padded batch as on a GPU."""
    q, k, v = inputs(sum(lengths))
    packed = PackedAttention(tuple(lengths), keep_kv=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(padding, "PADDED_DEVICES", {"cpu"} if padded else set())
        found = packed.attend(0, q[None], k[None], v[None], SCALE, 0.0)[0]
    assert_same(found, attention(q, k, v, causal(lengths)), (q, k, v))
    assert packed.positions[0].tolist() == [at for length in lengths for at in range(length)]
    assert packed.kv[0][0] is not None
    assert packed.bytes_per_token == 2 * k[:, :1].numel() * 8


def test_keys_are_kept_only_where_they_are_needed() -> None:
    q, k, v = inputs(3)
    packed = PackedAttention((3,))
    packed.attend(0, q[None], k[None], v[None], SCALE, 0.0)
    assert packed.kv == {}
    assert packed.bytes_per_token == 0


@FEW
@given(st.lists(st.tuples(st.integers(0, 6), st.integers(1, 4)), min_size=1, max_size=4))
def test_a_text_that_is_continued_is_the_text_read_at_once(texts: list[tuple[int, int]]) -> None:
    """texts: how many tokens of each are cached, and how many are new."""
    whole = [cached + new for cached, new in texts]
    q, k, v = (tensor.detach() for tensor in inputs(sum(whole)))
    expected = attention(q, k, v, causal(whole))
    starts = [sum(whole[:at]) for at in range(len(whole))]
    is_new = torch.cat([torch.arange(length) >= cached for (cached, _), length in zip(texts, whole, strict=True)])
    prefix = PackedAttention(tuple(whole))
    prefix.kv[0] = (k, v)
    past = [
        CachedText(prefix, start, start + cached) if cached else None
        for start, (cached, _) in zip(starts, texts, strict=True)
    ]
    continued = ContinuedAttention(past, tuple(new for _, new in texts), PackedAttention(tuple(whole)))
    found = continued.attend(0, q[:, is_new][None], k[:, is_new][None], v[:, is_new][None], SCALE, 0.0)[0]
    torch.testing.assert_close(found, expected[:, is_new])
    for stored, given_whole in zip(continued.whole.kv[0], (k, v), strict=True):
        torch.testing.assert_close(stored, given_whole)
    assert continued.positions[0].tolist() == [at for cached, new in texts for at in range(cached, cached + new)]


@st.composite
def trees(draw: st.DrawFn) -> tuple[list[int], list[list[int]]]:
    """The lengths of some prompts, and a tree of nodes after each: the parent of every node, -1 for a root."""
    prompts = draw(st.lists(st.integers(1, 5), min_size=1, max_size=3))
    parents = [[draw(st.integers(-1, at - 1)) for at in range(draw(st.integers(1, 6)))] for _ in prompts]
    return prompts, parents


@pytest.mark.parametrize("way", ["at once", "in blocks", "padded"])
@FEW
@given(tree=trees())
def test_a_node_sees_its_prompt_and_its_ancestors(way: str, tree: tuple[list[int], list[list[int]]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(padding, "PADDED_DEVICES", {"cpu"} if way == "padded" else set())
        patch.setattr(tree_attention, "IN_BLOCKS", 0 if way == "in blocks" else 10**6)
        found, expected = attended(*tree)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16])
def test_numbers_of_two_bytes_are_attended_to_within_their_digits(kind: torch.dtype) -> None:
    """A prompt of several blocks of flash attention, and nodes enough for several blocks of queries."""
    found, expected = attended([1, 1500], [[-1, 0], [-1, *range(99), *range(100)]], kind)
    assert found.dtype == kind
    torch.testing.assert_close(found.double(), expected, rtol=0.02, atol=0.02)


def attended(
    prompts: Sequence[int], parents: Sequence[Sequence[int]], kind: torch.dtype = torch.float64
) -> tuple[Tensor, Tensor]:
    """Attention of the nodes of trees, as computed and by its formula."""
    sizes = [len(each) for each in parents]
    read, nodes = sum(prompts), sum(sizes)
    q, k, v = (tensor.detach() for tensor in inputs(read + nodes))
    sees, paths, record_starts = torch.zeros(nodes, read + nodes, dtype=torch.bool), [], []
    for record, tree_of_record in enumerate(parents):
        start, first = sum(prompts[:record]), sum(sizes[:record])
        record_starts.append((start, start + prompts[record]))
        for node in range(len(tree_of_record)):
            path = [node]
            while tree_of_record[path[0]] >= 0:
                path.insert(0, tree_of_record[path[0]])
            sees[first + node, start : start + prompts[record]] = True
            sees[first + node, [read + first + at for at in path]] = True
            paths.append([first + at for at in path])
    depth = max(map(len, paths))
    ancestors = torch.tensor([[-1] * (depth - len(path)) + path for path in paths])
    prefix = PackedAttention(tuple(prompts))
    expected = attention(q[:, read:], k, v, sees)
    q, k, v = q.to(kind), k.to(kind), v.to(kind)
    prefix.kv[0] = (k[:, :read], v[:, :read])
    attend = TreeAttention(prefix, record_starts, sizes, ancestors, 0, KVCache(nodes))
    return attend.attend(0, q[:, read:][None], k[:, read:][None], v[:, read:][None], SCALE, 0.0)[0], expected


@FEW
@given(st.lists(st.integers(1, 7), min_size=1, max_size=6))
def test_a_cache_holds_all_that_was_put_into_it(parts: list[int]) -> None:
    total = sum(parts)
    keys, values, cache, first = random(2, total, 3), random(2, total, 3, seed=1), KVCache(total), 0
    for part in parts:
        end = first + part
        stored = cache.append(0, first, keys[:, first:end], values[:, first:end])
        assert stored[0].shape[1] <= total
        torch.testing.assert_close(stored[0][:, :end], keys[:, :end])
        torch.testing.assert_close(stored[1][:, :end], values[:, :end])
        first = end


@FEW
@given(LENGTHS)
def test_padding_and_back(lengths: list[int]) -> None:
    packed, where = random(2, sum(lengths), 3), Padding(lengths, torch.device("cpu"))
    rows = where.pad(packed)
    assert rows.shape == (2, len(lengths), max(lengths), 3)
    for row, (length, part) in enumerate(zip(lengths, packed.split(lengths, dim=1), strict=True)):
        assert torch.equal(rows[:, row, :length], part)
        assert not rows[:, row, length:].any()
    assert torch.equal(where.unpad(rows), packed)


def test_a_norm_is_that_of_torch() -> None:
    x, weight = random(2, 5, 8).float().requires_grad_(), random(8, seed=1).float()
    ours, theirs = rms_norm(x, weight, 1e-5), nn.functional.rms_norm(x, (8,), weight, 1e-5)
    torch.testing.assert_close(ours, theirs)
    at = random(2, 5, 8, seed=2).float()
    gradients = [torch.autograd.grad((at * output).sum(), x)[0] for output in (ours, theirs)]
    torch.testing.assert_close(*gradients)


def angles(tokens: int, width: int) -> tuple[Tensor, Tensor]:
    rate = 10_000.0 ** (-torch.arange(0, width, 2, dtype=torch.float64) / width)
    angle = (torch.arange(tokens)[:, None] * rate).repeat(1, 2)[None]
    return angle.cos(), angle.sin()


def test_rotations_are_those_of_transformers_and_can_be_undone() -> None:
    x = random(2, 7, 3, 8).requires_grad_()  # (B, n, H, d)
    cos, sin = (part.expand(2, -1, -1) for part in angles(7, 8))
    ours = apply_rotary(x, cos, sin)
    theirs, _ = apply_rotary_pos_emb(x, x, cos, sin, unsqueeze_dim=2)
    assert_same(ours, theirs, (x,))
    torch.testing.assert_close(apply_rotary(ours, cos, -sin), x)
    torch.testing.assert_close(ours.norm(dim=-1), x.norm(dim=-1))


def test_a_product_of_rotated_heads_depends_on_their_distance_only() -> None:
    query, key = random(1, 1, 1, 8), random(1, 1, 1, 8, seed=1)
    cos, sin = angles(20, 8)

    def score(at: int, other: int) -> float:
        places = [(cos[:, place : place + 1], sin[:, place : place + 1]) for place in (at, other)]
        return float((apply_rotary(query, *places[0]) * apply_rotary(key, *places[1])).sum())

    assert score(3, 1) == pytest.approx(score(17, 15))
    assert score(3, 1) != pytest.approx(score(3, 2))


class Two(nn.Module):
    """Two layers that read the same input, one without a bias."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.other = nn.Linear(4, 5, dtype=torch.float64), nn.Linear(4, 2, bias=False, dtype=torch.float64)


@pytest.mark.parametrize("names", [["one"], ["one", "other"]])
def test_a_layer_with_its_adapter_is_one_matrix(names: list[str]) -> None:
    """X (W + scale B A)' + b, for layers that share their input; the gradients are of x, A and B."""
    torch.manual_seed(0)
    model = inject_adapter_in_model(LoraConfig(r=3, lora_alpha=6, target_modules=["one", "other"]), Two()).double()
    layers: list[Any] = [getattr(model, name) for name in names]
    for layer in layers:
        nn.init.normal_(layer.lora_B["default"].weight)  # which begins at zero
    x = random(2, 6, 4).requires_grad_()
    found = lora_linear(layers, x)
    trained = [x, *(part["default"].weight for layer in layers for part in (layer.lora_A, layer.lora_B))]
    expected = []
    for layer in layers:
        adapter = 2 * layer.lora_B["default"].weight @ layer.lora_A["default"].weight
        expected.append(nn.functional.linear(x, layer.base_layer.weight + adapter, layer.base_layer.bias))
    assert_same(torch.cat(found, dim=-1), torch.cat(expected, dim=-1), trained)
