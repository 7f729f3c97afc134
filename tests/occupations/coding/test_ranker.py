"""The sparse naive Bayes against one that counts in plain loops."""

import math
from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from laborllm.occupations.coding.ranker import ALPHA, BATCH, PRIOR, Ranker, features_of

CLASSES = 4
TITLE = st.lists(st.sampled_from(["cook", "line", "fry", "head", "nurse", "aide"]), min_size=1, max_size=3).map(tuple)
EXAMPLES = st.lists(st.tuples(TITLE, st.integers(0, CLASSES - 1), st.integers(1, 3)), min_size=1, max_size=12)
Examples = list[tuple[tuple[str, ...], int, int]]  # title, column, how much it counts


@given(EXAMPLES, TITLE)
def test_it_is_naive_bayes(examples: Examples, asked: tuple[str, ...]) -> None:
    titles, columns, counts = zip(*examples, strict=True)
    (batch,) = Ranker.fit(titles, np.array(columns), np.array(counts, dtype=float), CLASSES).log_prob([asked])
    np.testing.assert_allclose(batch[0], plain_naive_bayes(examples, asked), atol=1e-9)


def plain_naive_bayes(examples: Examples, asked: tuple[str, ...]) -> list[float]:
    occurs = Counter(feature for title, _, _ in examples for feature in features_of(title))

    def unit(title: tuple[str, ...]) -> dict[str, float]:
        row = {f: math.log((1 + len(examples)) / (1 + occurs[f])) + 1 for f in features_of(title)}
        return {f: value / math.hypot(*row.values()) for f, value in row.items()}

    scores = []
    for occupation in range(CLASSES):
        mass: Counter[str] = Counter()
        for title, column, count in examples:
            if column == occupation:
                mass.update({feature: count * value for feature, value in unit(title).items()})
        total = sum(mass.values()) + ALPHA * len(occurs)
        share = sum(count for _, column, count in examples if column == occupation) / sum(c for _, _, c in examples)
        share = max(share, 1 / (2 * len(examples)))
        known = {f: value for f, value in unit(asked).items() if f in occurs}
        scores.append(PRIOR * math.log(share) + sum(v * math.log((mass[f] + ALPHA) / total) for f, v in known.items()))
    return [score - math.log(sum(map(math.exp, scores))) for score in scores]


def test_titles_of_every_batch_come_in_order() -> None:
    titles = [("cook",), ("nurse",)]
    ranker = Ranker.fit(titles, np.array([0, 1]), np.ones(2), 2)
    batches = list(ranker.log_prob(titles * BATCH))
    assert [len(batch) for batch in batches] == [BATCH, BATCH]
    assert np.concatenate(batches).argmax(axis=1).tolist() == [0, 1] * BATCH
