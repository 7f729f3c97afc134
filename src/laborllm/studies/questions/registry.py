"""All questions, by number."""

from laborllm.studies.protocol.question import Question
from laborllm.studies.questions.forecasts import (
    gains,
    history,
    models,
    structural_change,
    subgroups,
    tasks,
    two_years,
    uncertainty,
    vectors,
)
from laborllm.studies.questions.training import data_and_size, fine_tuning, mixing, titles

QUESTIONS: tuple[Question, ...] = (
    models.QUESTION,
    fine_tuning.QUESTION,
    titles.QUESTION,
    data_and_size.QUESTION,
    tasks.QUESTION,
    history.QUESTION,
    subgroups.QUESTION,
    two_years.QUESTION,
    structural_change.QUESTION,
    mixing.QUESTION,
    gains.QUESTION,
    vectors.QUESTION,
    uncertainty.QUESTION,
)
