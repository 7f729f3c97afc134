"""The calls of the API, a file for each."""

from laborllm.serve.api import forecast, simulate, what_if

ROUTERS = (forecast.router, simulate.router, what_if.router)
