"""Prompts that begin with the titles and with example careers: scored exactly, and only from training careers."""

import dataclasses
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from laborllm.errors import CapacityError, InputError, OptionError, PanelError, RunError
from laborllm.lm.scoring.options import ScoringOptions
from laborllm.models.language.off_the_shelf import Shown
from laborllm.models.language.specs import OffTheShelf
from laborllm.models.registry import load
from laborllm.panel import Panel
from laborllm.text import Template, after, in_context_prefix, render


def test_prefix_is_titles_then_careers(panel: Panel) -> None:
    career = next(render(panel, Template()))
    assert in_context_prefix(["Cooks", "Nurses"], [career.text, career.text]) == (
        "Every job title in a work history is one of the following, one title per line:\nCooks\nNurses\n"
        f"<END OF TITLES>\n{career.text}\n{career.text}\n"
    )
    assert in_context_prefix([], []) == ""
    moved = after("before\n", career)
    spans = zip(moved.prompt_ends, moved.title_ends, career.prompt_ends, career.title_ends, strict=True)
    assert all(moved.text[a:b] == career.text[c:d] for a, b, c, d in spans)


@pytest.mark.parametrize(
    ("titles", "title_list", "examples"), [("literal", True, 1), ("literal", False, 2), ("numeric", True, 0)]
)
def test_tree_equals_naive_after_a_prefix(
    titles: str, title_list: bool, examples: int, panel: Panel, base_folder: Path
) -> None:
    template = Template(titles)  # type: ignore[arg-type]
    model = OffTheShelf(str(base_folder), template, title_list, examples).fit(panel)
    few = panel.subset("test").sample(2, seed=0)
    tree = model.forecast(few)
    naive = model.forecast(few, scoring=ScoringOptions("naive"))
    np.testing.assert_allclose(tree.log_prob, naive.log_prob, atol=1e-4)
    plain = OffTheShelf(str(base_folder), template).fit(panel).forecast(few)
    assert np.abs(tree.log_prob - plain.log_prob).max() > 0.01


def test_examples_are_training_careers(panel: Panel) -> None:
    """Whoever is drawn, and whatever the held-out workers did."""
    other = dataclasses.replace(
        panel,
        records=panel.records.with_columns(
            pl.when(pl.col("split") == "train").then("occupation").otherwise(pl.lit("unemployed")).alias("occupation")
        ),
    )
    training = {career.text for career in render(panel.subset("train"), Template())}
    drawn = []
    for seed in range(8):
        shown = [Shown.draw(whole.subset("train"), 5, seed=seed).texts(Template()) for whole in (panel, other)]
        assert shown[0] == shown[1]
        assert set(shown[0]) <= training
        drawn.append(tuple(shown[0]))
    assert len(set(drawn)) > 4


def test_a_run_folder_holds_no_example(panel: Panel, base_folder: Path, tmp_path: Path) -> None:
    panel.save(tmp_path / "panel.parquet")
    model = OffTheShelf(str(base_folder), examples=2, panel_file=tmp_path / "panel.parquet").fit(panel)
    model.save(tmp_path / "run")
    assert model.shown is not None
    lines = [line for text in model.shown.texts(Template()) for line in text.splitlines() if line[0].isdigit()]
    written = "".join(file.read_text() for file in (tmp_path / "run").iterdir())
    assert lines
    assert not any(line in written for line in lines)

    dataclasses.replace(panel, records=panel.records.with_columns(region=pl.lit("west"))).save(
        tmp_path / "panel.parquet"
    )
    with pytest.raises(RunError, match="has other training careers than those that"):
        load(tmp_path / "run")


def test_what_cannot_be_shown_is_refused(panel: Panel, base_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(CapacityError, match=r"a career of \d{4} tokens, .* is longer than the 512 tokens"):
        OffTheShelf(str(base_folder), examples=20).fit(panel)
    with pytest.raises(PanelError, match="cannot show 1000 examples: split train has"):
        OffTheShelf(str(base_folder), examples=1000).fit(panel)
    with pytest.raises(OptionError, match="not -1"):
        OffTheShelf(examples=-1)
    with pytest.raises(InputError, match="say in panel_file"):
        OffTheShelf(str(base_folder), examples=1).fit(panel).save(tmp_path / "run")
