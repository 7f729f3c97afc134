"""Every verb of the command line is given 200 people of whom some stand out, and says nothing of those.

The verbs are those that the command line has: one that is neither attacked here nor excused is a failure. What an
individual is forecast is for whoever has her career, and no statistic; see `docs/explanation/five-safes.md`.
"""

import pytest

from cli.test_main import VERBS
from privacy.planted import COMMANDS, Said

ACCOUNT = "what became of every row, to whoever has the source, to check the import by"
FITS = "writes the run folder that `fit transition` and `fit nemo` write"
EXCUSED = {
    "code-titles": "the titles that are typed or named, each with its code",
    "demo": "the report of `evaluate`, on public data",
    "doctor": "reads no panel",
    "export career": "the careers themselves, for another program",
    "export model": "the weights, which its list of outputs says are not to be published",
    **{f"import {name}": ACCOUNT for name in ("career", "nlswork", "nlsy79", "nlsy97", "psid", "resumes", "table")},
    "import synthetic": "people who do not exist",
    "models": "reads no panel",
    "render": "the careers themselves, to be read by whoever has them",
    "study": "attacked in `tests/studies`, all of its questions together",
    "study confirm": "answers the same questions on other folds",
    "study package": "what the study shows, and the size of its panels",
    "study plan": "names, seeds and hashes",
    **{f"fit {name}": FITS for name in ("oracle", "logit", "bag-of-jobs", "career", "off-the-shelf", "language-model")},
    **{f"fit {name}": FITS for name in ("title-head", "embedding-logit", "mixture")},
}
"""The verbs that publish nothing of people, or nothing of their own, and why."""


def test_every_verb_is_attacked_or_excused() -> None:
    assert sorted([*COMMANDS, *EXCUSED]) == sorted(" ".join(verb) for verb in [*VERBS, ("study",)])


@pytest.mark.parametrize("verb", COMMANDS)
def test_no_secret_is_told(verb: str, said: dict[str, Said]) -> None:
    assert said[verb].texts
    assert said[verb].secrets() == set()


@pytest.mark.parametrize("verb", COMMANDS)
def test_no_count_of_few_is_told(verb: str, said: dict[str, Said]) -> None:
    assert said[verb].small_counts() == set()
