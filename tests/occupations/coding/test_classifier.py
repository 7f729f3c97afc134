"""The hashed logit against one in plain loops."""

import itertools
import math
import zlib
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from laborllm.occupations.coding.classifier import BUCKETS, Classifier, buckets_of
from laborllm.occupations.coding.ranker import BATCH

RANK, CLASSES = 3, 4
TITLE = st.lists(st.text("abcé", min_size=1, max_size=6), min_size=1, max_size=3).map(tuple)


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    draw = np.random.default_rng(0)
    vectors = draw.integers(-127, 128, (BUCKETS, RANK), dtype=np.int8)
    slopes = draw.normal(0, 0.01, (RANK, CLASSES)).astype(np.float32)
    return Classifier(vectors, slopes, draw.normal(size=CLASSES).astype(np.float32))


def plain_buckets(title: tuple[str, ...]) -> set[int]:
    features = {f"^{title[0]}", f"{title[-1]}$", *(f"{a} {b}" for a, b in itertools.pairwise(title))}
    for word in title:
        features.add(word)
        ended = "<" + word + ">"
        features |= {ended[i:j] for i in range(len(ended)) for j in range(i, len(ended) + 1) if 3 <= j - i <= 5}
    return {zlib.crc32(feature.encode("utf-8")) % 8192 for feature in features}


@given(TITLE)
def test_buckets_are_words_pairs_edges_and_parts(title: tuple[str, ...]) -> None:
    assert buckets_of(title) == sorted(plain_buckets(title))


@given(titles=st.lists(TITLE, min_size=1, max_size=4))
def test_it_is_a_logit_of_summed_vectors(titles: list[tuple[str, ...]], classifier: Classifier) -> None:
    (batch,) = classifier.log_prob(titles)
    for row, title in zip(batch, titles, strict=True):
        buckets = plain_buckets(title)
        vector = [
            sum(int(classifier.vectors[bucket, r]) for bucket in buckets) / math.sqrt(len(buckets)) for r in range(RANK)
        ]
        logits = [
            float(classifier.intercepts[j]) + sum(vector[r] * float(classifier.slopes[r, j]) for r in range(RANK))
            for j in range(CLASSES)
        ]
        total = math.log(sum(map(math.exp, logits)))
        np.testing.assert_allclose(row, [logit - total for logit in logits], atol=1e-4)  # float32 inside


def test_titles_of_every_batch_come_in_order(classifier: Classifier) -> None:
    titles = [("cook",), ("head", "nurse")]
    alone = [next(classifier.log_prob([title]))[0] for title in titles]
    batches = list(classifier.log_prob(titles * BATCH))
    assert [len(batch) for batch in batches] == [BATCH, BATCH]
    np.testing.assert_allclose(np.concatenate(batches), np.stack(alone * BATCH), atol=1e-5)


def test_a_file_is_read_as_it_was_written(classifier: Classifier) -> None:
    halves = {"slopes": classifier.slopes.astype(np.float16), "intercepts": classifier.intercepts.astype(np.float16)}
    file = BytesIO()
    np.savez_compressed(file, vectors=classifier.vectors, slopes=halves["slopes"], intercepts=halves["intercepts"])
    found = Classifier.from_bytes(file.getvalue())
    assert (found.vectors == classifier.vectors).all()
    np.testing.assert_array_equal(found.slopes, halves["slopes"])
    assert found.intercepts.dtype == np.float32
