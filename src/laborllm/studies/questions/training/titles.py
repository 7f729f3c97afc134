"""Question 3: what the words of titles are worth."""

import polars as pl

from laborllm.report.figures import ratios
from laborllm.report.table import Table
from laborllm.studies.protocol.question import Answer, Question, all_above, verdict
from laborllm.studies.protocol.runs import Scores
from laborllm.studies.protocol.study import Study
from laborllm.studies.questions.common import drawn_means, figure, losses, ratio_cell, ratio_row, two_decimals
from laborllm.studies.questions.training.language import scored, tested_on, tuned
from laborllm.text.titles import Titles

KINDS: tuple[Titles, ...] = ("numeric", "shuffled", "abbreviated", "reworded", "senior")


def _runs(study: Study) -> list[Scores]:
    return [scored(study, tuned(study, kind)) for kind in ("literal", *KINDS)]


def _answer(study: Study) -> Answer:
    literal = losses(study, scored(study, tuned(study)))
    worse = [losses(study, scored(study, tuned(study, kind))) - literal for kind in KINDS]
    found = drawn_means(study, tested_on(study), [*worse, literal])
    whole = found[len(KINDS), 0].exp()
    rows = [("literal", two_decimals(float(whole.estimate)), "1")]
    rows += [
        (kind, two_decimals(float((found[at, 0].exp().estimate) * whole.estimate)), ratio_cell(found[at, 0]))
        for at, kind in enumerate(KINDS)
    ]
    tested = study.panel(tested_on(study)).subset("test").workers
    note = f"Raw perplexity of {tested:,} test workers, each model tuned on the same careers with titles of one kind."
    table = Table(f"{study.first}: kinds of titles", ("titles", "raw perplexity", "ratio (95 %)"), tuple(rows), note)
    shown = pl.DataFrame([ratio_row(kind, found[at, 0]) for at, kind in enumerate(KINDS)])
    numeric = found[KINDS.index("numeric"), 0].exp().interval
    why = f"With codes in place of titles the raw perplexity is {rows[1][2]} times, with shuffled titles {rows[2][2]}."
    holds = all_above([numeric], 1)
    drawn = figure(ratios, shown, "Raw perplexity over that with literal titles.")
    return Answer(verdict(holds, why), {"titles": table}, {"titles": drawn})


QUESTION = Question(
    number=3,
    name="titles",
    title="What are the words of titles worth?",
    claim="With codes in place of titles perplexity is about 0.6 to 0.8 higher.",
    paper="8.830 against 8.184 (PSID81)",
    rule="Replicates if the 95 % interval of the ratio of raw perplexity with numeric titles to that with literal "
    "ones lies above one, does not if it lies below.",
    runs=_runs,
    answer=_answer,
    reads_text=True,
)
