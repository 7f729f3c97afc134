"""Occupations: all of them, and each with its next steps, feeders and neighbours."""

from typing import Annotated

from fastapi import Depends, Path
from starlette.exceptions import HTTPException

from laborllm.serve.api.calls import calls
from laborllm.serve.asked import Asked, asked
from laborllm.serve.schema.occupations import OccupationAnswer, OccupationName, OccupationsAnswer

router = calls("occupations")
Code = Annotated[str, Path(max_length=40, description="A code of the taxonomy.", examples=["436"])]


@router.get("/occupations", summary="List the occupations")
async def occupations(asked: Annotated[Asked, Depends(asked)]) -> OccupationsAnswer:
    """All occupations and states that the model knows, in the order of the taxonomy."""
    taxonomy = asked.served.taxonomy
    rows = zip(taxonomy.codes, taxonomy.titles, taxonomy.groups, strict=True)
    names = [OccupationName(code=code, title=title, group=group) for code, title, group in rows]
    return OccupationsAnswer(model=asked.served.name, occupations=names)


@router.get("/occupations/{code}", summary="Show one occupation")
async def occupation(code: Code, asked: Annotated[Asked, Depends(asked)]) -> OccupationAnswer:
    """Who stays in an occupation, where those go who leave, who comes in, and what is like it."""
    require_code(code, asked)
    return OccupationAnswer(model=asked.served.name, occupation=asked.served.outlook.occupation(code))


def require_code(code: str, asked: Asked) -> None:
    """Raise a 404 unless the taxonomy has a code."""
    if code not in asked.served.taxonomy.position:
        raise HTTPException(404, "the taxonomy has no occupation with that code")
