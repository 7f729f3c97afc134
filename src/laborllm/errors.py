"""What laborllm raises on purpose, by cause: one line that says what was found, where, and what would be right."""

LONGEST = 400  # characters of cells


class LaborLLMError(Exception):
    """Root of the project's errors. The command line prints one as a line and exits with code 2.

    Args:
        message: what was found and where, in words that hold for the library too.
        hint: what to do about it on the command line; None where the message says it all.
        cells: the cells of the source that are at fault, which may be a person's: shown, and cut, where asked for.
    """

    def __init__(self, message: str, *, hint: str | None = None, cells: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint
        self.cells = cells if cells is None or len(cells) <= LONGEST else f"{cells[:LONGEST]}..."


class InputError(LaborLLMError):
    """What was given cannot be used as it is: a base model, a file of forecasts, arrays that do not belong together."""


class TaxonomyError(InputError):
    """A taxonomy or crosswalk is malformed, unknown, or clashes with a tokenizer."""


class PanelError(InputError):
    """Records do not form a panel, or not one that serves the purpose."""


class SourceError(InputError):
    """A raw file or mapping cannot be read as asked."""


class OptionError(InputError):
    """An option has a value that it cannot have, by itself or together with the others."""


class RunError(LaborLLMError):
    """A fit cannot continue, or a fitted model cannot be used with what it is asked for."""


class MissingForecastError(RunError):
    """Forecasts that were made before are asked for records that they lack."""


class CapacityError(LaborLLMError):
    """Memory, or the context of a language model, does not hold what it must."""


class StorageError(LaborLLMError):
    """A file or folder cannot be written, or was not written completely."""


def first_line(error: BaseException) -> str:
    """What an error of another library says first, or else its kind."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
