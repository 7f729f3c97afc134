"""What is said of an occupation as such, against flows that are the table of a chain."""

import numpy as np
import pytest

import laborllm as ll
from laborllm.errors import TaxonomyError
from laborllm.models.counts.transition import FittedTransition
from laborllm.occupations import Taxonomy
from laborllm.serve.answers import OF
from laborllm.serve.outlook import STEADY, Outlook

YEAR = 2030
JOBS = [(str(code), f"Job {code}", "Even" if code % 2 == 0 else "Odd") for code in range(9)]
SMALL = Taxonomy.from_occupations("small", JOBS).with_states(["unemployed", "in_education"])


@pytest.fixture(scope="module")
def chain() -> FittedTransition:
    fitted = ll.fit("transition", ll.import_synthetic(workers=200, taxonomy=SMALL, seed=1), variant="plain")
    assert isinstance(fitted, FittedTransition)
    return fitted


@pytest.fixture(scope="module")
def outlook(chain: FittedTransition) -> Outlook:
    return Outlook(chain, YEAR)


def test_flows_are_the_table_times_its_stationary_distribution(outlook: Outlook, chain: FittedTransition) -> None:
    values, vectors = np.linalg.eig(chain.table.T)
    stationary = np.real(vectors[:, np.argmax(np.real(values))])
    stationary /= stationary.sum()
    np.testing.assert_allclose(outlook.flows.share, chain.table, rtol=1e-4)
    np.testing.assert_allclose(outlook.flows.flow, stationary[:, None] * chain.table, rtol=1e-3)


@pytest.mark.parametrize("code", ["0", "5", "unemployed"])
def test_who_stays_and_who_is_out_of_work_are_cells_of_the_table(
    code: str, outlook: Outlook, chain: FittedTransition
) -> None:
    """Of those without a job it counts the other states: to be still unemployed is to stay."""
    at, position = SMALL.position[code], SMALL.position
    found = outlook.occupation(code)
    assert (found.code, found.title, found.group) == (code, SMALL.titles[at], SMALL.groups[at])
    assert found.stay_of_100 == round(OF * chain.table[at, at])
    out = sum(chain.table[at, position[state]] for state in SMALL.states if state != code)
    assert found.out_of_work_of_100 == round(OF * out)


def test_a_third_of_the_jobs_is_steady_and_a_third_is_not(outlook: Outlook, chain: FittedTransition) -> None:
    said = {code: outlook.occupation(code).steady for code in SMALL.codes}
    jobs = sorted(JOBS, key=lambda job: chain.table[SMALL.position[job[0]], SMALL.position[job[0]]])
    ordered = [said[code] for code, _, _ in jobs]
    assert ordered == [words for words in STEADY for _ in range(3)]
    assert {said[state] for state in SMALL.states} <= set(STEADY)


@pytest.mark.parametrize("code", ["1", "8"])
def test_next_steps_and_feeders_are_shares_of_those_who_move(
    code: str, outlook: Outlook, chain: FittedTransition
) -> None:
    at = SMALL.position[code]
    leaving = chain.table[at].copy()
    leaving[at] = 0
    coming = outlook.flows.flow[:, at].copy()
    coming[at] = 0
    found = outlook.occupation(code, top=4)
    for steps, shares in ((found.next, leaving / leaving.sum()), (found.feeders, coming / coming.sum())):
        largest = np.argsort(-shares, kind="stable")[:4]
        expected = [(SMALL.codes[column], round(OF * shares[column])) for column in largest]
        assert [(step.code, step.of_100) for step in steps] == [pair for pair in expected if pair[1] >= 1]


def test_similar_occupations_are_jobs(outlook: Outlook, chain: FittedTransition) -> None:
    ordered = ll.similar_occupations(chain, "3", top=99)["code"].to_list()
    jobs = [code for code in ordered if code not in SMALL.states]
    assert [each.code for each in outlook.similar("3", top=5)] == jobs[:5]
    assert [each.code for each in outlook.similar("3", top=99)] == jobs


def test_a_spell_without_a_job_is_no_step_on_the_way(outlook: Outlook) -> None:
    for code in ("0", "4"):
        found = outlook.reachable(code, top=99)
        assert [each.moves for each in found] == sorted(each.moves for each in found)
        assert not {each.code for each in found} & {*SMALL.states, code}
        titles = {SMALL.title(state) for state in SMALL.states}
        assert not {each.via for each in found} & titles
        assert all((each.via is None) == (each.moves == 1) for each in found)
        few = outlook.reachable(code, top=1)
        assert [each.moves for each in few] == sorted({each.moves for each in found})


def test_a_model_without_vectors_knows_no_similar_occupations() -> None:
    oracle = ll.fit("oracle", ll.import_synthetic(workers=30, taxonomy=SMALL, seed=1))
    assert Outlook(oracle, YEAR).similar("0") == []


def test_a_code_that_is_none_is_refused(outlook: Outlook) -> None:
    with pytest.raises(TaxonomyError, match="taxonomy small has no occupation with code '99'"):
        outlook.occupation("99")
