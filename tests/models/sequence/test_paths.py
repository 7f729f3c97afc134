"""Reading a career record by record gives the scores of reading it whole."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from laborllm.models.sequence.bag_of_jobs import BagNetwork
from laborllm.models.sequence.career import CareerNetwork
from laborllm.models.sequence.inputs.careers import Careers, index_careers, index_sizes
from laborllm.models.sequence.inputs.embeddings import FixedEffects
from laborllm.models.sequence.inputs.vocabulary import Vocabulary
from laborllm.models.sequence.nemo import NemoNetwork
from laborllm.panel import Panel

LATER = 2  # records of each career that are read one at a time

NETWORKS: dict[str, Callable[[dict[str, int], int], nn.Module]] = {
    "career": lambda sizes, n: CareerNetwork(sizes, n, layers=2, width=16, heads=2, dropout=0.5),
    "nemo": lambda sizes, n: NemoNetwork(sizes, n, layers=2, width=12, dropout=0.5),
    "bag-of-jobs": lambda sizes, n: BagNetwork(sizes, n, width=8, dropout=0.5),
    "logit": lambda sizes, n: FixedEffects({"previous": n + 1, "before_previous": n + 1} | sizes, n + 1),
}


@pytest.fixture
def long_careers(panel: Panel) -> tuple[Careers, Vocabulary]:
    """Careers with more records than are read one at a time, of several lengths."""
    vocabulary = Vocabulary.of(panel)
    careers = index_careers(panel, vocabulary)
    long = careers.length > LATER
    return Careers(careers.index, careers.start[long], careers.length[long]), vocabulary


@pytest.mark.parametrize("name", NETWORKS)
@torch.inference_mode()
def test_steps_give_the_scores_of_the_whole_career(
    name: str, long_careers: tuple[Careers, Vocabulary], panel: Panel
) -> None:
    careers, vocabulary = long_careers
    torch.manual_seed(0)
    network = NETWORKS[name](index_sizes(vocabulary), len(panel.taxonomy)).eval()
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.3)
    everyone = range(len(careers))
    scores = network(careers.batch(everyone))
    ends = careers.length.cumsum(0)
    shorter = Careers(careers.index, careers.start, careers.length - LATER)
    found, state = network.begin(shorter.batch(everyone))  # type: ignore[operator]
    torch.testing.assert_close(found, scores[ends - 1 - LATER], rtol=1e-4, atol=1e-5)
    for step in range(LATER):
        row = careers.start + careers.length - LATER + step
        paths = {of: column[row][:, None].expand(-1, 3) for of, column in careers.index.items()}  # three alike
        found, state = network.step(state, paths)  # type: ignore[operator]
        expected = scores[ends - LATER + step][:, None].expand(-1, 3, -1)
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
