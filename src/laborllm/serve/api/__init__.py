"""The calls of the API, a file for each."""

from laborllm.serve.api import forecast, group, models, occupations, simulate, titles, what_if

ROUTERS = (
    forecast.router,
    group.router,
    simulate.router,
    what_if.router,
    occupations.router,
    titles.router,
    models.router,
)
