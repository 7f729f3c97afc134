"""The specs of the models over index sequences, which need no torch.

How each trains by default was chosen on the validation split of NLSY97.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from laborllm.errors import OptionError
from laborllm.models.distillation import teacher_share
from laborllm.panel import Panel
from laborllm.training.config import TrainingConfig

if TYPE_CHECKING:
    from laborllm.models.sequence.model import FittedSequence


@dataclass(frozen=True)
class SequenceSpec:
    """What the specs of all models over index sequences do.

    Attributes:
        training: How to train.
        teacher: File of forecasts of the training careers, such as `out-of-fold` writes, to distil: they are learnt
            along with what was observed.
        teacher_weight: Share of the loss that the teacher has, from 0 to 1; default: 0.5 with a teacher.
        record_dropout: Share of records whose earlier occupations are hidden from the network in training, from 0 to
            below 1.
        covariate_dropout: Share of the covariates of a career that are unknown in training, from 0 to below 1.
        cycles: How often it is trained, each time from the best weights of the last with the learning rate risen again;
            all but the last are run folders in RUN/snapshots, as members of a mixture (arXiv 1704.00109).
    """

    name: ClassVar[str]

    training: TrainingConfig
    teacher: Path | None = field(default=None, kw_only=True)
    teacher_weight: float | None = field(default=None, kw_only=True)
    record_dropout: float = field(default=0.0, kw_only=True)
    covariate_dropout: float = field(default=0.0, kw_only=True)
    cycles: int = field(default=1, kw_only=True)

    def fit(self, panel: Panel, *, seed: int = 0, out: Path | None = None) -> "FittedSequence":
        """Train on split train; the weights kept are those with the lowest perplexity on split valid.

        Args:
            panel: The careers. Open records are left out.
            seed: Decides everything random.
            out: The run folder that will be written, next to which checkpoints are kept; None: none are.

        Returns:
            The fitted model.

        Raises:
            RunError: Initial weights that do not fit, or a teacher or weights that were trained on workers who are held
                out here.

        Examples:
            >>> import laborllm as ll
            >>> short = ll.TrainingConfig(epochs=1, batch_size=32, learning_rate=0.01)
            >>> ll.Logit(short).fit(ll.import_synthetic(workers=50)).metrics["parameters"] > 0
            True
        """
        from laborllm.models.sequence.fitting import fit_sequence

        return fit_sequence(self, panel, seed=seed, out=out)

    def __post_init__(self) -> None:
        for name in ("layers", "width", "heads", "cycles"):
            if getattr(self, name, 1) < 1:
                raise OptionError(f"{name} must be at least 1, not {getattr(self, name)}")
        for name in ("dropout", "record_dropout", "covariate_dropout"):
            share = getattr(self, name, 0.0)
            if not 0 <= share < 1:
                raise OptionError(f"{name.replace('_', '-')} is a share from 0 to below 1, not {share}")
        object.__setattr__(self, "teacher_weight", teacher_share(self.teacher, self.teacher_weight))


@dataclass(frozen=True)
class Logit(SequenceSpec):
    """A two-stage multinomial logit on the last two occupations, the covariates and the history. Takes a minute.

    Attributes:
        training: How to train; weight decay and few epochs keep the effects small.

    Examples:
        >>> import laborllm as ll
        >>> ll.Logit().training.epochs
        4
    """

    name: ClassVar[str] = "logit"

    training: TrainingConfig = TrainingConfig(
        epochs=4, batch_size=64, learning_rate=1e-2, weight_decay=0.1, validate_every=2048
    )


@dataclass(frozen=True)
class BagOfJobs(SequenceSpec):
    """A model of the last occupation and the mean of all earlier ones. Takes a minute.

    Attributes:
        training: How to train.
        width: Numbers in the vector of an occupation (1,024 in CAREER).
        dropout: Share of these numbers hidden in training, from 0 to below 1.

    Raises:
        OptionError: A value that is out of its range.

    Examples:
        >>> import laborllm as ll
        >>> ll.BagOfJobs(width=64).dropout
        0.5
    """

    name: ClassVar[str] = "bag-of-jobs"

    training: TrainingConfig = TrainingConfig(epochs=6, batch_size=32, learning_rate=3e-3, validate_every=2048)
    width: int = 256
    dropout: float = 0.5


@dataclass(frozen=True)
class Nemo(SequenceSpec):
    """A recurrent network (LSTM) over careers. Takes minutes.

    Attributes:
        training: How to train.
        layers: Layers of the LSTM (2 in CAREER).
        width: Numbers in its state (200 in CAREER).
        dropout: Share of numbers hidden in training between its layers, before and after it, from 0 to below 1.

    Raises:
        OptionError: A value that is out of its range.

    Examples:
        >>> import laborllm as ll
        >>> ll.Nemo(layers=2, width=200).name
        'nemo'
    """

    name: ClassVar[str] = "nemo"

    training: TrainingConfig = TrainingConfig(epochs=8, batch_size=32, learning_rate=3e-3, validate_every=2048)
    layers: int = 1
    width: int = 256
    dropout: float = 0.5


@dataclass(frozen=True)
class Career(SequenceSpec):
    """CAREER, a transformer over careers. Takes minutes. As in the paper: 12 layers, width 192, 3 heads.

    Attributes:
        training: How to train.
        layers: Layers of the transformer.
        width: Numbers in its state, a multiple of twice the heads.
        heads: Heads of the attention.
        dropout: Share of the last state hidden in training, from 0 to below 1; what enters, and what the blocks add, is
            hidden in proportion.
        pretrained: Run folder of a career model of another panel, whose weights this one is initialised from.
        titles: Base model whose embeddings of the titles the vectors of occupations are initialised from.

    Raises:
        OptionError: A value that is out of its range.

    Examples:
        >>> import laborllm as ll
        >>> paper = ll.Career(layers=12, width=192, heads=3)
        >>> paper == ll.Career(heads=3, width=192, layers=12)
        True
    """

    name: ClassVar[str] = "career"

    training: TrainingConfig = TrainingConfig(
        epochs=10, batch_size=32, learning_rate=4e-3, weight_decay=0.1, validate_every=2048
    )
    layers: int = 2
    width: int = 128
    heads: int = 4
    dropout: float = 0.5
    pretrained: Path | None = None
    titles: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.width % (2 * self.heads):
            raise OptionError(f"width must be a multiple of twice the heads, not {self.width} for {self.heads} heads")
