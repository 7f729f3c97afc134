"""The halves of O*NET's titles: no title of the one is in the other, and the coder has the one alone."""

from collections import Counter
from itertools import pairwise

import polars as pl
import pytest

from benchmarks.titles.onet import KNOWN, codes_of_onet, listed_of, read_onet, soc_codes, uniform
from laborllm.occupations import load_taxonomy
from laborllm.occupations.coding.listed import load_titles

onet = pytest.fixture(read_onet, scope="module")


def letters(titles: pl.DataFrame, column: str) -> set[tuple[str, ...]]:
    return {tuple(sorted(title.replace(" ", ""))) for title in titles[column]}


def test_no_title_is_on_both_sides(onet: pl.DataFrame) -> None:
    known, other = (onet.filter((pl.col("draw") < KNOWN) == side) for side in (True, False))
    assert not letters(known, "form") & letters(other, "form")
    assert 0.48 < known.height / onet.height < 0.52


def test_the_coder_lists_the_known_half_and_nothing_else(onet: pl.DataFrame) -> None:
    shipped = load_titles().onet
    assert shipped.equals(listed_of(onet.filter(pl.col("draw") < KNOWN)))
    assert not letters(shipped, "title") & letters(onet.filter(pl.col("draw") >= KNOWN), "form")


def test_a_title_has_all_codes_that_any_of_its_spellings_has(onet: pl.DataFrame) -> None:
    codes = codes_of_onet(onet, low=0, high=1)
    assert sum(len(codes_of_onet(onet, low=low, high=high)) for low, high in pairwise((0, 0.3, 1))) == len(codes)
    by_form: dict[str, set[str]] = {}
    for form, code in onet.select("form", "code").rows():
        by_form.setdefault(form, set()).add(code)
    assert all(codes[title] == by_form[form] for title, form in onet.filter(~pl.col("short"))["title", "form"].rows())


def test_the_rows_read_are_those_of_the_file(onet: pl.DataFrame) -> None:
    assert ("Chief Executive Officer (CEO)", "chief executive officer", "4", False) in onet.drop("draw").rows()
    assert onet.filter(title="CEO", short=True)["form"].to_list() == ["chief executive officer"]
    assert not onet.drop("draw").is_duplicated().any()
    assert set(soc_codes().values()) <= set(load_taxonomy("occ1990dd").codes)


def test_a_draw_is_that_of_the_letters() -> None:
    assert uniform("dry kiln") == uniform("kiln dry") == uniform("drykiln") != uniform("dry kilns")
    deciles = Counter(int(10 * uniform("x" * number)) for number in range(2000))
    assert min(deciles.values()) > 150  # 200 expected, standard deviation 13
