"""What watches the server asks: whether it lives, whether it is ready, and how much it has done."""

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from laborllm.serve.schema.models import Health

watch = APIRouter(tags=["operation"])


@watch.get("/health", summary="Say whether the server lives")
async def health() -> Health:
    """Always ok: a process that cannot say so should be restarted."""
    return Health()


@watch.get("/ready", summary="Say whether the server is ready", responses={503: {"model": Health}})
async def ready(request: Request) -> Response:
    """Ok once the model is loaded and warm; 503 before, and while the server stops."""
    is_ready = request.app.state.ready
    state = Health(status="ok" if is_ready else "starting")
    return JSONResponse(state.model_dump(), 200 if is_ready else 503)


@watch.get("/metrics", include_in_schema=False)
async def metrics(request: Request) -> Response:
    """Counts for Prometheus."""
    found: Response = request.app.state.metrics.response()
    return found
