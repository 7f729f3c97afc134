"""The live log of a training: a point for each step and each validation, from the main process."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from laborllm.training.config import LogTo
from laborllm.training.logs.loggers import Logger, open_logger
from laborllm.training.logs.speed import flops_per_token, peak_flops


@dataclass(frozen=True)
class LiveLog:
    """Says what a step was like.

    Attributes:
        logger: Takes the numbers; None: nobody does.
        flops: Operations of training on one token.
        peak: Operations a second that the machines of all processes could do.
    """

    logger: Logger | None
    flops: float = 0.0
    peak: float = 1.0

    def step(self, careers: int, *, loss: float, tokens: int, seconds: float, rate: float) -> None:
        """Log a step.

        Args:
            careers: Trained on so far: the axis.
            loss: Of the step, in nats per unit of weight.
            tokens: Of the step, in all processes.
            seconds: It took.
            rate: The learning rate.
        """
        if self.logger is None:
            return
        speed = tokens / max(seconds, 1e-9)
        values = {"train_loss": loss, "learning_rate": rate, "tokens_per_second": speed}
        self.logger.log(values | {"share_of_peak": speed * self.flops / self.peak}, step=careers)

    def validation(self, careers: int, perplexity: float) -> None:
        """Log a validation step, at the careers trained on so far.

        Args:
            careers: How many were trained on so far.
            perplexity: Of the validation careers.
        """
        if self.logger is not None:
            self.logger.log({"valid_perplexity": perplexity}, step=careers)


@contextmanager
def live_log(
    log_to: LogTo | None, folder: Path | None, module: nn.Module, *, careers: int, processes: int
) -> Iterator[LiveLog]:
    """The log of a training until it ends.

    Args:
        log_to: Whereto; None: nowhere.
        folder: Of the logs; None in a process that is not the main one, and where nothing is written.
        module: What is trained.
        careers: Trained on before, which is where the log begins.
        processes: That train together.

    Yields:
        The log.
    """
    if log_to is None or folder is None:
        yield LiveLog(None)
        return
    device = next(module.parameters()).device
    logger = open_logger(log_to, folder, step=careers)
    try:
        yield LiveLog(logger, flops_per_token(module), processes * peak_flops(device))
    finally:
        logger.finish()
