"""Typing a command."""

from shlex import split

from laborllm.cli import main


def laborllm(command: str) -> int:
    """The exit code of `laborllm COMMAND`."""
    return main(split(command))
