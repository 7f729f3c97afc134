"""What to download: the questions by name, and as reference numbers once there is a codebook to look them up in."""

from collections.abc import Iterator
from pathlib import Path

from laborllm.errors import SourceError
from laborllm.sources.nls.investigator.files import open_files
from laborllm.sources.nls.investigator.variables import Variable, parse_variables
from laborllm.sources.nls.nlsy97.questions import ACROSS_ROUNDS, FIRST_ROUND, PERSON, Question, questions


def question_list() -> str:
    """A line per question: its name, when it is asked, what it holds."""
    return "\n".join(_line(question) for question in questions().values())


def tagset(codebook: Path) -> str:
    """The reference numbers of all questions, one a line, as the Investigator takes them in.

    codebook: any that has them, such as the whole cohort's. Raises `SourceError` if it is none of the NLSY97.
    """
    variables = list(_described_in(codebook))
    enrolment = questions()["enrolment"].names
    asked = {variable.round for variable in variables if variable.question in enrolment}
    rounds = sorted(int(round) for round in asked if round.isdecimal())
    if not rounds:
        raise SourceError(f"{codebook.name} is no codebook of the NLSY97: it has no question {enrolment[0]}")
    wanted = {(PERSON, str(FIRST_ROUND))}
    wanted.update(place for question in questions().values() for place in _names_and_rounds(question, rounds))
    found = (variable.reference for variable in variables if (variable.question, variable.round) in wanted)
    return "\n".join(dict.fromkeys(found))


def _described_in(codebook: Path) -> Iterator[Variable]:
    documents = [file for file in open_files([codebook]) if not file.is_data]
    if not documents:
        raise SourceError(f"{codebook.name} is no codebook: give the .cdb or .sdf file that comes with the data")
    for document in documents:
        yield from parse_variables(document.name, document.text).values()


def _line(question: Question) -> str:
    name, *others = (each.format(year="YYYY", academic="YYYY", job="NN", week="WW") for each in question.names)
    called = f" (in some rounds {' or '.join(others)})" if others else ""
    return f"{name:<28}{question.asked:<13}{'' if question.needed else 'optional: '}{question.holds}{called}"


def _names_and_rounds(question: Question, rounds: list[int]) -> Iterator[tuple[str, str]]:
    for year, job, week in question.places(rounds):
        for name in question.named(year, job=job, week=week):
            yield name, ACROSS_ROUNDS if week else str(year)
