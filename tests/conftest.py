"""Small stand-ins made on the spot: a panel of invented careers, a tokenizer trained on them, random models."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
import torch
from hypothesis import settings
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from laborllm.lm.base.load import BaseModel
from laborllm.occupations import Taxonomy
from laborllm.panel import Panel, Provenance, assign_split
from laborllm.text import Template, render

TITLES = ("Cashiers", "Cooks", "Bank tellers", "Bank managers", "Bank tellers and clerks", "Registered nurses")
settings.register_profile("ci", settings.get_profile("ci"), max_examples=40)  # of what says no other number

EDUCATION = ("high school", "some college", "college", None)


@pytest.fixture(scope="session")
def taxonomy() -> Taxonomy:
    occupations = [(str(code), title, "All") for code, title in enumerate(TITLES)]
    return Taxonomy.from_occupations("invented", occupations).with_states(["unemployed"])


@pytest.fixture(scope="session")
def panel(taxonomy: Taxonomy) -> Panel:
    """Sixty invented workers of one to six records; most stay, some covariates are missing."""
    rows = []
    for worker in range(60):
        code = worker % len(taxonomy)
        for step in range(1 + worker % 6):
            code = code if (worker + step) % 3 else (code + worker) % len(taxonomy)
            rows.append(
                {
                    "worker": f"w{worker}",
                    "year": 1990 + step * (1 + worker % 2),
                    "occupation": taxonomy.codes[code],
                    "education": EDUCATION[worker % 4],
                    "gender": ("female", "male", None)[worker % 3],
                    "ethnicity": ("white", "hispanic", None, "asian")[worker % 4],
                    "region": ("south", None)[worker % 2],
                    "birth_year": (1970 + worker % 7) if worker % 5 else None,
                }
            )
    return Panel(assign_split(pl.DataFrame(rows)), taxonomy, "INVENTED", Provenance("invented"))


@pytest.fixture(scope="session")
def tokenizer(panel: Panel) -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer with 400 tokens, learnt from the careers, digits apart."""
    tokenizer = Tokenizer(models.BPE())
    digits = pre_tokenizers.Digits(individual_digits=True)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([digits, pre_tokenizers.ByteLevel(add_prefix_space=False)])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=400, initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator((career.text for career in render(panel, Template())), trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer)


@pytest.fixture
def base(tokenizer: PreTrainedTokenizerFast) -> BaseModel:
    """A random two-layer model in the Llama shape; the same in every test, to be tuned or broken freely."""
    return random_model(tokenizer)


@pytest.fixture(scope="session")
def base_folder(tokenizer: PreTrainedTokenizerFast, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same model as a folder in Hugging Face layout, to be read only."""
    folder = tmp_path_factory.mktemp("base") / "tiny"
    random_model(tokenizer).model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def own_base_folder(base_folder: Path, tmp_path: Path) -> Path:
    """A copy of it, to be changed."""
    return Path(shutil.copytree(base_folder, tmp_path / "tiny"))


def random_model(tokenizer: PreTrainedTokenizerFast) -> BaseModel:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        initializer_range=0.2,
    )
    return BaseModel("tiny", LlamaForCausalLM(config).eval(), tokenizer)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("only root can mount a small file system")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)
