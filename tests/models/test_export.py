"""An exported model is read by transformers and peft without laborllm, and gives the titles the same probabilities."""

import csv
import json
from pathlib import Path
from typing import Any, Literal

import pytest
import torch
from peft import PeftModel
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    GPT2Config,
    GPT2LMHeadModel,
    PreTrainedTokenizerFast,
)

from laborllm.cli.places import TO_MODEL
from laborllm.errors import RunError, StorageError
from laborllm.lm.tuning.config import TitleTokens, TuningConfig
from laborllm.models.counts.specs import Transition
from laborllm.models.language.export import export_model
from laborllm.models.language.specs import LanguageModel
from laborllm.panel import Panel
from laborllm.text import Template, render

RECIPE = TuningConfig(learning_rate=1e-2)


@pytest.fixture(scope="module")
def gpt2_folder(tokenizer: PreTrainedTokenizerFast, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base in another shape: learnt positions, no grouped keys, biases; and with a generation config of its own."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("base") / "gpt2"
    config = GPT2Config(vocab_size=len(tokenizer), n_embd=32, n_layer=2, n_head=4, n_positions=512, bos_token_id=0)
    model = GPT2LMHeadModel(config)
    model.generation_config.temperature = 0.5
    model.generation_config.do_sample = True
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@torch.inference_mode()
def by_transformers(model: Any, tokenizer: Any, panel: Panel, template: Template) -> list[float]:
    """Log-probability of every observed title: the text up to it, and with it, each written as tokens."""
    found = []
    for career in render(panel, template):
        for prompt_end, title_end in zip(career.prompt_ends, career.title_ends, strict=True):
            prompt, whole = (tokenizer(career.text[:end]).input_ids for end in (prompt_end, title_end + 1))
            assert whole[: len(prompt)] == prompt
            tokens = torch.tensor(whole)
            log_prob = model(input_ids=tokens[None]).logits[0].double().log_softmax(dim=-1)
            places = torch.arange(len(prompt), len(whole))
            found.append(log_prob[places - 1, tokens[places]].sum().item())
    return found


@pytest.mark.parametrize(
    ("shape", "method", "adapter", "title_tokens"),
    [
        *(("llama", "lora", False, "spelled"), ("llama", "lora", True, "spelled"), ("llama", "full", False, "spelled")),
        *(("gpt2", "lora", False, "spelled"), ("gpt2", "lora", True, "spelled")),
        *(("llama", "lora", True, "own"), ("gpt2", "lora", True, "own"), ("gpt2", "full", False, "own")),
    ],
)
def test_others_read_the_same_probabilities(
    shape: str,
    method: Literal["lora", "full"],
    adapter: bool,
    title_tokens: TitleTokens,
    panel: Panel,
    base_folder: Path,
    gpt2_folder: Path,
    tmp_path: Path,
) -> None:
    base = {"llama": base_folder, "gpt2": gpt2_folder}[shape]
    template = Template("reworded", ("gender",))
    config = TuningConfig(learning_rate=1e-2, method=method)
    tuned = LanguageModel(str(base), template, title_tokens, training=config).fit(panel)
    tuned.save(tmp_path / "run")
    export_model(tmp_path / "run", tmp_path / "out", adapter=adapter)
    model: Any = AutoModelForCausalLM.from_pretrained(base if adapter else tmp_path / "out")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "out")
    if adapter:
        model.resize_token_embeddings(len(tokenizer))
        model = PeftModel.from_pretrained(model, tmp_path / "out")
    few = panel.subset("test").sample(4, seed=0)
    assert by_transformers(model.eval(), tokenizer, few, template) == pytest.approx(tuned.log_likelihood(few), abs=1e-4)
    plain = AutoModelForCausalLM.from_pretrained(base).eval()
    assert by_transformers(plain, AutoTokenizer.from_pretrained(base), few, template) != pytest.approx(
        tuned.log_likelihood(few), abs=1
    )
    assert (tmp_path / "out" / "adapter_config.json").exists() == adapter
    if shape == "gpt2" and not adapter:
        assert json.loads((tmp_path / "out" / "generation_config.json").read_text())["temperature"] == 0.5


def test_the_card_says_how_to_write_a_prompt(panel: Panel, base_folder: Path, tmp_path: Path) -> None:
    template = Template("shuffled", ("birth-year",), last_records=3)
    LanguageModel(str(base_folder), template, vocabulary="closed", training=RECIPE).fit(panel).save(tmp_path / "run")
    export_model(tmp_path / "run", tmp_path / "out")
    card = (tmp_path / "out" / "README.md").read_text()
    first = template.title_texts(panel.taxonomy)[0]
    assert f"\n1999 (high school): {first}\n" in card
    assert "was born" not in card
    for said in ("only the last 3 records", "library_name: transformers", "Closed vocabulary", "## Terms of the data"):
        assert said in card
    for said in ("## Intended use", "validation raw perplexity", "## Audit\n\nNone yet"):
        assert said in card
    with (tmp_path / "out" / "titles.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["title"] for row in rows] == list(template.title_texts(panel.taxonomy))
    assert [row["code"] for row in rows] == list(panel.taxonomy.codes)


def test_what_cannot_be_exported_is_refused(panel: Panel, base_folder: Path, tmp_path: Path) -> None:
    Transition().fit(panel).save(tmp_path / "counts")
    with pytest.raises(RunError, match="counts holds the model transition: a run of language-model can be exported"):
        export_model(tmp_path / "counts", tmp_path / "out")
    full = LanguageModel(str(base_folder), training=TuningConfig(method="full")).fit(panel)
    full.save(tmp_path / "full")
    with pytest.raises(RunError, match="has no adapter"):
        export_model(tmp_path / "full", tmp_path / "out", adapter=True)
    with pytest.raises(StorageError, match="exists already"):
        export_model(tmp_path / "full", tmp_path / "counts")


def test_the_same_export_takes_the_place_of_what_it_wrote(panel: Panel, base_folder: Path, tmp_path: Path) -> None:
    """As after a kill in its last moment."""
    LanguageModel(str(base_folder), training=RECIPE).fit(panel).save(tmp_path / "run")
    for _ in range(2):
        export_model(tmp_path / "run", tmp_path / "out", adapter=True)
        TO_MODEL.require(tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "run"]


def test_a_full_disk_leaves_nothing(panel: Panel, base_folder: Path, small_disk: Path, tmp_path: Path) -> None:
    LanguageModel(str(base_folder), training=RECIPE).fit(panel).save(tmp_path / "run")
    (small_disk / "other work").write_bytes(bytes(2**20 - 2**15))
    with pytest.raises(StorageError, match=r"cannot write .*out: .*No space left"):
        export_model(tmp_path / "run", small_disk / "out")
    assert [path.name for path in small_disk.iterdir()] == ["other work"]
