"""The folds of O*NET's titles: titles of the same words are in one, and the coder that ships lists all."""

from collections import Counter

import polars as pl
import pytest

from benchmarks.titles.onet import FOLDS, PARTS, codes_of_onet, listed_of, read_onet, soc_codes, uniform
from laborllm.occupations import load_taxonomy
from laborllm.occupations.coding.listed import load_titles
from laborllm.occupations.coding.words import without_rank

onet = pytest.fixture(read_onet, scope="module")


def test_titles_of_the_same_words_are_in_one_part_of_one_fold(onet: pl.DataFrame) -> None:
    alike = [frozenset(without_rank(tuple(form.split())) or form.split()) for form in onet["form"]]
    places = set(zip(alike, onet["fold"], onet["part"], strict=True))
    assert len(places) == len(set(alike)) < onet["form"].n_unique()


def test_parts_of_folds_are_as_large_as_each_other(onet: pl.DataFrame) -> None:
    assert onet.group_by("fold").len()["len"].sort().to_list() == pytest.approx([onet.height / FOLDS] * FOLDS, rel=0.05)
    assert onet.select("fold", "part").n_unique() == FOLDS * PARTS


def test_the_coder_lists_them_all(onet: pl.DataFrame) -> None:
    assert load_titles().onet.equals(listed_of(onet))


def test_a_title_has_all_codes_that_any_of_its_spellings_has(onet: pl.DataFrame) -> None:
    codes = codes_of_onet(onet)
    by_fold = [codes_of_onet(onet.filter(fold=fold)) for fold in range(FOLDS)]
    assert {title: of for fold in by_fold for title, of in fold.items()} == codes
    by_form: dict[str, set[str]] = {}
    for form, code in onet.select("form", "code").rows():
        by_form.setdefault(form, set()).add(code)
    assert all(codes[title] == by_form[form] for title, form in onet.filter(~pl.col("short"))["title", "form"].rows())


def test_the_rows_read_are_those_of_the_file(onet: pl.DataFrame) -> None:
    assert ("Chief Executive Officer (CEO)", "chief executive officer", "4", False) in onet.drop("fold", "part").rows()
    assert onet.filter(title="CEO", short=True)["form"].to_list() == ["chief executive officer"]
    assert not onet.drop("fold", "part").is_duplicated().any()
    assert set(soc_codes().values()) <= set(load_taxonomy("occ1990dd").codes)


def test_a_draw_is_that_of_the_words() -> None:
    assert uniform("dry kiln") == uniform("kiln dry") == uniform("drykiln") == uniform("senior dry kiln")
    assert uniform("dry kiln") != uniform("dry kilns")
    assert uniform("senior") != uniform("junior")
    deciles = Counter(int(10 * uniform("x" * number)) for number in range(2000))
    assert min(deciles.values()) > 150  # 200 expected, standard deviation 13
