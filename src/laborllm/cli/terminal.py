"""What is printed, wherever that goes: nobody need listen, and no text is too strange."""

import os
import sys
from io import TextIOBase, TextIOWrapper
from typing import TextIO


class Unheard(TextIOBase):
    """Standard error that may be closed at its other end, as by `2>&1 | head`: the work goes on.

    Args:
        stream: Where it goes; None where it was closed from the beginning.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write what somebody may read."""
        if self._stream is not None:
            try:
                self._stream.write(text)
            except BrokenPipeError:
                self._close()
        return len(text)

    def flush(self) -> None:
        """Send on what was written."""
        if self._stream is not None:
            try:
                self._stream.flush()
            except BrokenPipeError:
                self._close()

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return self._stream is not None and self._stream.isatty()

    def fileno(self) -> int:
        """The number that the system knows it by."""
        if self._stream is None:
            raise OSError("standard error is closed")
        return self._stream.fileno()

    def _close(self) -> None:
        """Let all that is still to come, and what waits in the stream, go nowhere."""
        if self._stream is not None:
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())


def print_any_text() -> None:
    """Let output take letters that it has no bytes for, as in names of files, as their numbers."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
