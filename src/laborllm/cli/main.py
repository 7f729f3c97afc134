"""The verbs together, and what the user sees when something is wrong: one line, and exit code 2."""

import os
import sys
from collections.abc import Sequence
from contextlib import redirect_stderr, suppress

from cyclopts import App, CycloptsError, MissingArgumentError, UnusedCliTokensError

from laborllm import __version__
from laborllm.cli import audit, demo, doctor, evaluate, serve, studies
from laborllm.cli.ahead import backtest, forecast, group, simulate, steps, what_if
from laborllm.cli.data import exports, imports, panels, titles
from laborllm.cli.fitting import curves, fit, models, out_of_fold, validate
from laborllm.cli.options import EVERY_OPTION, read_config, refuse_rounding
from laborllm.cli.places import refuse_places
from laborllm.cli.terminal import Unheard, print_any_text
from laborllm.errors import LaborLLMError
from laborllm.runtime import is_out_of_memory, set_up_process
from laborllm.sources.formats.text import plain

BAD_INPUT = 2
SHOW_VALUES = "--show-values"  # of any command
LONGEST = 2_000  # letters of an error's line: a text that is at fault may have any number
INTERRUPTED = 130  # as shells have it: 128 and the number of the signal

app = App(
    name="laborllm",
    help="Forecasts of a worker's next occupation: careers as text, a fine-tuned language model, exact probabilities. "
    f"With `{SHOW_VALUES}` an error shows cells of the source, which may be a person's.",
    help_format="markdown",
    version=__version__,
    default_parameter=EVERY_OPTION,
    config=(read_config, refuse_places, refuse_rounding),
    suppress_keyboard_interrupt=False,
)
app.command(imports.import_)
app.command(exports.export)
app.command(panels.describe)
app.command(panels.render)
app.command(titles.code_titles)
app.command(panels.mix)
app.command(fit.fit)
app.command(validate.validate, name="validate")
app.command(out_of_fold.out_of_fold)
app.command(forecast.forecast)
app.command(simulate.simulate)
app.command(what_if.what_if)
app.command(group.group)
app.command(steps.steps)
app.command(backtest.backtest)
app.command(evaluate.evaluate)
app.command(audit.audit)
app.command(curves.curves)
app.command(studies.study)
app.command(models.models)
app.command(doctor.doctor)
app.command(serve.serve, name="serve")
app.command(demo.demo)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0, 2 for bad input, 130 when interrupted."""
    tokens = list(sys.argv[1:] if arguments is None else arguments)
    show_values = SHOW_VALUES in tokens
    tokens = [token for token in tokens if token != SHOW_VALUES]
    set_up_process()
    print_any_text()
    with redirect_stderr(Unheard(sys.stderr)):
        return _run(tokens, show_values=show_values)


def _run(tokens: Sequence[str], *, show_values: bool) -> int:
    try:
        app(tokens, exit_on_error=False, print_error=False, result_action="return_value")
        if sys.stdout is not None:  # as where it was closed from the beginning
            sys.stdout.flush()
    except (LaborLLMError, CycloptsError) as error:
        print(f"laborllm: {one_line(error, show_values=show_values)}", file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt as interrupt:
        print("laborllm:", ": ".join(["interrupted", *map(str, interrupt.args)]), file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except SystemExit as end:
        if not isinstance(end.__context__, BrokenPipeError):  # of which rich makes this, as of help
            raise
    except OSError as error:  # of the terminal, or of what output was sent to
        return _cannot_print(error)
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        print("laborllm: memory does not hold this: ask for a smaller model, or for less at a time", file=sys.stderr)
        return BAD_INPUT
    return 0


def _cannot_print(error: OSError) -> int:
    """One line, if there is anywhere left for it; what is still to be written goes nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    with suppress(OSError):
        where = f"{error.filename}: " if error.filename is not None else ""
        print(f"laborllm: {_short(f'{where}{error.strerror or error}')}", file=sys.stderr)
    return BAD_INPUT


def one_line(error: Exception, *, show_values: bool = False) -> str:
    """The message of an error, what it hints at, and the cells at fault if they are to be shown, in one line."""
    parts = [str(error), getattr(error, "hint", None)]
    if isinstance(error, UnusedCliTokensError):
        words = " ".join(map(repr, error.unused_tokens or ()))
        parts = [f"the command does not know what to do with {words}", "--help says what it takes"]
    if isinstance(error, MissingArgumentError) and error.argument is not None and error.keyword is None:
        parts = [
            f"{error.argument.name} is missing",
            f"laborllm {' '.join(error.command_chain or ())} --help says what it is",
        ]
    if cells := getattr(error, "cells", None):
        parts.append(cells if show_values else f"{SHOW_VALUES} shows what stands there")
    return _short(plain(": ".join(part for part in parts if part)))


def _short(line: str) -> str:
    return line if len(line) <= LONGEST else f"{line[: LONGEST // 2]} ... {line[-LONGEST // 2 :]}"
