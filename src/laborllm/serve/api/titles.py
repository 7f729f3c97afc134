"""Job titles as people write them, coded."""

from typing import Annotated

from fastapi import Depends
from starlette.concurrency import run_in_threadpool

from laborllm.occupations.coding.titles import Titles
from laborllm.serve.api.calls import calls
from laborllm.serve.api.examples import example
from laborllm.serve.asked import Asked, asked
from laborllm.serve.schema.occupations import Candidate, CodedTitle, TitlesAnswer, TitlesRequest

router = calls("occupations")
Sent = Annotated[TitlesRequest, example("/v1/titles", "Two titles")]


@router.post("/titles", summary="Code job titles")
async def titles(request: Sent, asked: Annotated[Asked, Depends(asked)]) -> TitlesAnswer:
    """The occupation of each title, how sure that is, and what else it may mean."""
    coder = asked.served.titles
    coded = await run_in_threadpool(lambda: [_coded(said, coder) for said in request.titles])
    return TitlesAnswer(model=asked.served.name, titles=coded)


def _coded(said: str, coder: Titles) -> CodedTitle:
    first = coder.read(said)
    candidates = [
        Candidate(code=str(each.code), title=each.title, confidence=round(each.confidence, 3))
        for each in coder.candidates(said)
    ]
    return CodedTitle(
        said=said, code=first.code, title=first.title, confidence=round(first.confidence, 3), candidates=candidates
    )
