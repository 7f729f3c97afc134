"""A store of tokens gives what encoding gives, whatever the texts, and encodes the same careers once."""

import dataclasses
import pickle
from pathlib import Path

import pytest
import torch

import laborllm as ll
from laborllm.errors import StorageError
from laborllm.lm.base.load import BaseModel
from laborllm.lm.tokens import store
from laborllm.lm.tokens.encoding import CareerEncoder, by_worker
from laborllm.lm.tokens.store import TokenStore, content_hash, grouped
from laborllm.panel import Panel
from laborllm.panel.files.store import PanelFile
from laborllm.storage import MARKER
from laborllm.text import Template, render


@pytest.fixture
def encoder(base: BaseModel, panel: Panel) -> CareerEncoder:
    return CareerEncoder(base.tokenizer, Template(), panel.taxonomy)


@pytest.mark.parametrize("template", [Template(), Template(last_records=2)], ids=["careers", "windows"])
@pytest.mark.parametrize("records", [1, 50, 100_000])
def test_every_text_is_what_encoding_gives(
    template: Template,
    records: int,
    encoder: CareerEncoder,
    panel: Panel,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(store, "RECORDS", records)
    encoder = dataclasses.replace(encoder, template=template)
    encoded = list(encoder.encode(render(panel, template)))
    found = TokenStore.of(tmp_path, encoder, panel)
    assert [dataclasses.replace(text, worker="") for text in found] == [
        dataclasses.replace(text, worker="") for text in encoded
    ]
    assert list(map(len, grouped(found))) == list(map(len, by_worker(encoded)))
    assert [[text.tokens for text in career] for career in grouped(found)] == [
        [text.tokens for text in career] for career in by_worker(encoded)
    ]


def test_a_store_goes_to_another_process(encoder: CareerEncoder, panel: Panel, tmp_path: Path) -> None:
    found = TokenStore.of(tmp_path, encoder, panel)
    texts = list(found)
    again = pickle.loads(pickle.dumps(found))
    del found
    assert list(again) == texts
    assert again[len(texts) - 1].worker == texts[-1].worker == str(panel.workers - 1)
    with pytest.raises(IndexError):
        again[len(texts)]
    with pytest.raises(IndexError):
        grouped(again)[panel.workers]


def test_a_panel_file_gives_the_store_of_its_panel(encoder: CareerEncoder, panel: Panel, tmp_path: Path) -> None:
    panel.save(tmp_path / "panel.parquet")
    file = PanelFile.open(tmp_path / "panel.parquet").select(split="train")
    assert content_hash(encoder, file) == content_hash(encoder, panel.subset("train"))
    TokenStore.of(tmp_path / "tokens", encoder, file)
    assert len(list((tmp_path / "tokens").iterdir())) == 1


def test_the_same_careers_are_encoded_once(
    encoder: CareerEncoder, panel: Panel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = TokenStore.of(tmp_path, encoder, panel)
    monkeypatch.setattr(store, "render", None)  # would fail
    assert list(TokenStore.of(tmp_path, encoder, panel)) == list(first)


def test_other_records_words_and_titles_are_another_store(encoder: CareerEncoder, panel: Panel) -> None:
    reworded = dataclasses.replace(encoder, template=Template(titles="reworded"))
    prefixed = dataclasses.replace(encoder, prefix="Titles: clerk\n")
    hashes = [content_hash(one, panel) for one in (encoder, reworded, prefixed)]
    assert len({*hashes, content_hash(encoder, panel.subset("train"))}) == 4


def test_a_half_written_store_is_written_again(encoder: CareerEncoder, panel: Panel, tmp_path: Path) -> None:
    found = list(TokenStore.of(tmp_path, encoder, panel))
    (place,) = tmp_path.iterdir()
    half = place.with_name(f".{place.name}.999999999.partial")
    place.rename(half)
    (half / MARKER).unlink()
    assert list(TokenStore.of(tmp_path, encoder, panel)) == found
    assert [entry.name for entry in tmp_path.iterdir()] == [place.name]


def test_a_text_beyond_the_last_is_none(encoder: CareerEncoder, panel: Panel, tmp_path: Path) -> None:
    found = TokenStore.of(tmp_path, encoder, panel)
    with pytest.raises(IndexError):
        found[len(found)]


def test_a_fit_from_a_store_has_the_same_weights(base_folder: Path, panel: Panel, tmp_path: Path) -> None:
    training = ll.TuningConfig(method="full", learning_rate=1e-3, validate_every=16)
    specs = [
        ll.LanguageModel(base=str(base_folder), training=training, valid_careers=4, token_store=place)
        for place in (None, tmp_path / "tokens")
    ]
    one, two = (spec.fit(panel.with_training(16, seed=0)).text_model.base.model.state_dict() for spec in specs)
    assert one.keys() == two.keys()
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_a_store_that_was_changed_is_refused(encoder: CareerEncoder, panel: Panel, tmp_path: Path) -> None:
    TokenStore.of(tmp_path, encoder, panel)
    (file,) = tmp_path.glob("*/tokens")
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(StorageError, match="tokens does not have the hash in"):
        TokenStore.of(tmp_path, encoder, panel)
