"""A page and an API that forecast careers with one model."""

from laborllm.serve.app import create_app
from laborllm.serve.served import Served
from laborllm.serve.settings import Settings

__all__ = ["Served", "Settings", "create_app"]
