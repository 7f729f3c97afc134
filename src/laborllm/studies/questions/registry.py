"""All questions, by number."""

from laborllm.studies.protocol.question import Question
from laborllm.studies.questions.forecasts import models, subgroups, tasks

QUESTIONS: tuple[Question, ...] = (
    models.QUESTION,
    tasks.QUESTION,
    subgroups.QUESTION,
)
