"""What can go wrong with a fit of text: each is one line that says what to do, and nothing half-written is left."""

import json
from pathlib import Path

import polars as pl
import pytest
import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerFast

from cli.commands import laborllm
from laborllm.panel import Panel
from laborllm.text import Template, render

Capture = pytest.CaptureFixture[str]

TEXT_MODELS = ("language-model", "title-head")


@pytest.fixture(params=TEXT_MODELS)
def model(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def refused(command: str, capsys: Capture) -> str:
    """The one line, of a command that leaves everything as it was."""
    before = sorted(Path().iterdir())
    capsys.readouterr()
    assert laborllm(command) == 2
    *_, line = capsys.readouterr().err.splitlines()
    assert line.startswith("laborllm: ")
    assert sorted(Path().iterdir()) == before
    return line


@pytest.mark.parametrize("split", ["train", "valid"])
def test_an_empty_split(split: str, model: str, panel: Panel, base_folder: Path, capsys: Capture) -> None:
    left = panel.records.filter(pl.col("split") != split)
    Panel(left, panel.taxonomy, panel.dataset, panel.provenance).save(Path("part.parquet"))
    line = refused(f"fit {model} part.parquet --base {base_folder} --out run", capsys)
    assert f"no worker of the panel is in split {split}" in line


def test_a_career_longer_than_the_context(model: str, panel: Panel, own_base_folder: Path, capsys: Capture) -> None:
    config = json.loads((own_base_folder / "config.json").read_text())
    (own_base_folder / "config.json").write_text(json.dumps(config | {"max_position_embeddings": 150}))
    fit = f"fit {model} panel.parquet --base {own_base_folder} --out run"
    assert "--overflow truncate leaves out their oldest records" in refused(fit, capsys)
    assert "lower --last-records" in refused(f"{fit} --last-records 4 --overflow truncate", capsys)
    assert laborllm(f"{fit} --overflow truncate") == 0
    about = json.loads((Path("run") / "run.json").read_text())
    left_out = about["metrics"]["oldest records left out by truncation"]
    assert left_out > 0
    assert about["record"]["records"] >= len(panel.subset("train")) - left_out
    line = refused("evaluate run panel.parquet --split train --likelihood-only", capsys)
    assert "is longer than the 150 tokens that llama reads" in line


def test_weights_that_are_not_finite(model: str, own_base_folder: Path, capsys: Capture) -> None:
    broken = AutoModelForCausalLM.from_pretrained(own_base_folder)
    with torch.no_grad():
        broken.model.norm.weight.fill_(torch.nan)
    broken.save_pretrained(own_base_folder)
    line = refused(f"fit {model} panel.parquet --base {own_base_folder} --out run", capsys)
    assert "weights give numbers that are not finite, so the files are torn or a fit diverged" in line


def test_a_rate_that_is_too_high(base_folder: Path, capsys: Capture) -> None:
    fit = f"fit language-model panel.parquet --base {base_folder} --method full --epochs 30 --out run"
    line = refused(f"{fit} --learning-rate 1e30 --clip 1e30 --validate-every 1000", capsys)
    assert "lower the learning rate" in line
    for name in ("logit", "bag-of-jobs", "nemo", "career"):
        assert "lower the learning rate" in refused(f"fit {name} panel.parquet --learning-rate 1e30 --out run", capsys)


def test_a_teacher_that_is_not_there(base_folder: Path, capsys: Capture) -> None:
    fit = f"fit title-head panel.parquet --base {base_folder} --out run"
    assert "name one with --teacher" in refused(f"{fit} --teacher-weight 0.5", capsys)
    assert "no folder at nowhere" in refused(f"{fit} --teacher nowhere", capsys)


def test_a_tokenizer_that_merges_across_the_edge_of_a_title(
    model: str, panel: Panel, own_base_folder: Path, capsys: Capture
) -> None:
    """Words here begin at the digits before them, so that ": Cashiers" is one token."""
    tokenizer = Tokenizer(models.BPE())
    lines = pre_tokenizers.Split(Regex(r":? ?\w+|\s|."), "isolated")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([lines, pre_tokenizers.ByteLevel(False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=400, initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator((career.text for career in render(panel, Template())), trainer)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer).save_pretrained(own_base_folder)
    line = refused(f"fit {model} panel.parquet --base {own_base_folder} --out run", capsys)
    assert "the tokenizer merges the title 'Cashiers' with the text around it" in line


@pytest.mark.parametrize("pad", [None, "<pad>"])
def test_no_token_of_padding_is_needed(pad: str | None, model: str, own_base_folder: Path) -> None:
    """None is ever written: a fit is the same with one and without."""
    tokenizer = AutoTokenizer.from_pretrained(own_base_folder)
    assert tokenizer.pad_token is None
    if pad is not None:
        tokenizer.add_special_tokens({"pad_token": pad})
        tokenizer.save_pretrained(own_base_folder)
    assert laborllm(f"fit {model} panel.parquet --base {own_base_folder} --careers 6 --out run") == 0
    assert laborllm("evaluate run panel.parquet --workers 12 --draws 40") == 0
