"""The model that answers."""

from typing import Annotated

from fastapi import Depends

from laborllm.serve.api.calls import calls
from laborllm.serve.asked import Asked, asked
from laborllm.serve.schema.models import ModelFacts, ModelsAnswer

router = calls("models")


@router.get("/models", summary="Say which model answers")
async def models(asked: Annotated[Asked, Depends(asked)]) -> ModelsAnswer:
    """What the model is, what it learnt from, and whether an audit goes with it."""
    served, record = asked.served, asked.served.fitted.record
    facts = ModelFacts(
        name=served.name,
        kind=served.fitted.spec.name,
        dataset=record.dataset,
        careers=record.workers,
        records=record.records,
        taxonomy=record.taxonomy.name,
        occupations=len(record.taxonomy),
        audited=bool(served.audit),
    )
    return ModelsAnswer(models=[facts])
