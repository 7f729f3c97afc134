"""Vectors of prompts against one plain pass over each prompt, and their cache."""

import copy
from pathlib import Path

import numpy as np
import pytest
import torch

from laborllm.errors import CapacityError, StorageError
from laborllm.lm.base.load import BaseModel
from laborllm.lm.embedding import Pooling
from laborllm.lm.embedding.prompt_vectors import prompt_vectors
from laborllm.lm.embedding.vector_cache import cached_vectors
from laborllm.lm.forward.decoder import Decoder
from laborllm.lm.tokens.encoding import CareerEncoder
from laborllm.panel import Panel
from laborllm.text import Template, render


@pytest.mark.parametrize("pooling", ["last", "mean"])
def test_vectors_are_those_of_each_prompt_alone(pooling: Pooling, base: BaseModel, panel: Panel) -> None:
    encoder = CareerEncoder(base.tokenizer, Template(), panel.taxonomy)
    careers = list(encoder.encode(render(panel, Template())))[:8]
    own = copy.deepcopy(base.model)
    for career, vectors in zip(careers, prompt_vectors(Decoder(base.model), careers, pooling), strict=True):
        for start, vector in zip(career.starts, vectors, strict=True):
            with torch.inference_mode():
                states = own.base_model(torch.tensor([career.tokens[:start]])).last_hidden_state[0]
            expected = states[-1] if pooling == "last" else states.mean(dim=0)
            torch.testing.assert_close(vector, expected, atol=1e-5, rtol=1e-4)


def test_a_career_beyond_the_window_is_refused_before_any_is_read(base: BaseModel, panel: Panel) -> None:
    encoder = CareerEncoder(base.tokenizer, Template(), panel.taxonomy, prefix="a long story. " * 200)
    careers = list(encoder.encode(render(panel.sample(2, seed=0), Template())))
    with pytest.raises(CapacityError, match="is longer than the 512 tokens"):
        next(prompt_vectors(Decoder(base.model), careers, "last"))


def test_the_cache_computes_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABORLLM_CACHE", str(tmp_path))
    made: list[int] = []

    def compute() -> np.ndarray:
        made.append(1)
        return np.full((3, 2), len(made), dtype=np.float32)

    first, again, other = (cached_vectors({"panel": name}, compute) for name in ("a", "a", "b"))
    np.testing.assert_array_equal(first, again)
    assert (len(made), other[0, 0]) == (2, 2)
    for file in (tmp_path / "vectors").iterdir():
        content = bytearray(file.read_bytes())
        content[-1] ^= 1
        file.write_bytes(content)
    assert cached_vectors({"panel": "a"}, compute)[0, 0] == 3, "what was damaged is computed again"


def test_a_full_disk_leaves_no_vectors(small_disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABORLLM_CACHE", str(small_disk / "cache"))
    with pytest.raises(StorageError, match=r"cannot write .*No space left"):
        cached_vectors({}, lambda: np.zeros((1024, 512), dtype=np.float32))
    assert not any(path.is_file() for path in small_disk.rglob("*"))
    monkeypatch.setenv("LABORLLM_CACHE", "/dev/null/cache")
    with pytest.raises(StorageError, match="cannot write /dev/null/cache/vectors: Not a directory"):
        cached_vectors({}, lambda: pytest.fail("found out before the vectors are computed"))
