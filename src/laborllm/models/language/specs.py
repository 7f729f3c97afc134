"""The specs of the models over text, which need no torch."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, get_args

from laborllm.errors import OptionError
from laborllm.lm.tuning.config import TitleTokens, TuningConfig
from laborllm.models.distillation import teacher_share
from laborllm.panel import Panel
from laborllm.text import Template

if TYPE_CHECKING:
    from laborllm.models.language.embedding_logit import FittedEmbeddingLogit
    from laborllm.models.language.language_model import FittedLanguageModel
    from laborllm.models.language.off_the_shelf import FittedOffTheShelf
    from laborllm.models.language.title_head import FittedTitleHead

SMOLLM2 = "smollm2-135m"
Likelihood = Literal["multinomial", "two-stage"]
Pooling = Literal["last", "mean"]
VocabularyKind = Literal["whole", "closed"]


@dataclass(frozen=True)
class OffTheShelf:
    """A base model as it comes: no weight is changed. Takes no time to fit, seconds a career to forecast.

    Attributes:
        base: Base model: a name that `laborllm models` lists, a folder, a GGUF file or a name on the hub.
        template: How careers are written.
        title_list: Put the list of valid titles before every prompt.
        examples: Put this many careers of the training split, drawn at random, before each prompt.
        panel_file: Where a run folder with examples finds them again, as it keeps no text of them.

    Raises:
        OptionError: A negative number of examples.

    Examples:
        >>> import laborllm as ll
        >>> ll.OffTheShelf(title_list=True).base
        'smollm2-135m'
    """

    name: ClassVar[str] = "off-the-shelf"

    base: str = SMOLLM2
    template: Template = Template()
    title_list: bool = False
    examples: int = 0
    panel_file: Path | None = None

    def __post_init__(self) -> None:
        if self.examples < 0:
            raise OptionError(f"examples cannot be fewer than none, not {self.examples}")

    def fit(self, panel: Panel, *, seed: int = 0, out: Path | None = None) -> "FittedOffTheShelf":
        """Keep the taxonomy of a panel, and which careers are examples; nothing is estimated.

        Args:
            panel: The careers, from whose split train examples are drawn.
            seed: Draws the examples.
            out: Not used: nothing is trained.

        Returns:
            The model.

        Raises:
            PanelError: More examples than split train has careers.
            CapacityError: A career of split train does not fit into the context after what is shown.
            InputError: A base model that is not here, or cannot be scored exactly.
        """
        from laborllm.models.language.off_the_shelf import fit_off_the_shelf

        return fit_off_the_shelf(self, panel, seed=seed)


@dataclass(frozen=True)
class LanguageModel:
    """LABOR-LLM: a base model fine-tuned on career texts. Takes minutes to hours.

    Attributes:
        base: Base model: a name that `laborllm models` lists, a folder, a GGUF file or a name on the hub.
        template: How careers are written.
        title_tokens: Spell titles with the tokens of the base model, or give each one token of its own, to be trained.
        vocabulary: Predict over all tokens of the base model, or over those of the titles and the careers only.
        token_store: Folder that keeps training careers as tokens, under a hash of all that decides them, for more of
            them than memory holds and for the next fit; they need the same care as the panel. Default: in memory.
        valid_careers: Validation careers, drawn by the seed, that choose the best weights.
        training: How to train.

    Raises:
        OptionError: An unknown vocabulary or kind of title tokens.

    Examples:
        >>> import laborllm as ll
        >>> ll.LanguageModel(training=ll.TuningConfig.preset("paper")).training.method
        'full'
    """

    name: ClassVar[str] = "language-model"

    base: str = SMOLLM2
    template: Template = Template()
    title_tokens: TitleTokens = "spelled"
    vocabulary: VocabularyKind = "whole"
    token_store: Path | None = None
    valid_careers: int = 64
    training: TuningConfig = TuningConfig()

    def __post_init__(self) -> None:
        _require_known("title-tokens", self.title_tokens, get_args(TitleTokens))
        _require_known("vocabulary", self.vocabulary, get_args(VocabularyKind))

    def fit(self, panel: Panel, *, seed: int = 0, out: Path | None = None) -> "FittedLanguageModel":
        """Fine-tune on split train, and take the weights with the lowest validation perplexity of titles.

        Args:
            panel: The careers. Open records are left out.
            seed: Decides everything random.
            out: The run folder that will be written, next to which checkpoints are kept; None: none are.

        Returns:
            The fitted model.

        Raises:
            CapacityError: A career that does not fit into the context, or memory that does not hold a pass.
            InputError: A base model that is not here, or cannot be scored exactly.
        """
        from laborllm.models.language.language_model import fit_language_model

        return fit_language_model(self, panel, seed=seed, out=out)


@dataclass(frozen=True)
class TitleHead:
    """A base model fine-tuned with a head over the closed set of titles: all probabilities of a career in one pass.
    Takes minutes to hours.

    Attributes:
        base: Base model: a name that `laborllm models` lists, a folder, a GGUF file or a name on the hub.
        template: How careers are written.
        title_tokens: Spell titles with the tokens of the base model, or give each one token of its own, to be trained.
        layers: Use only this many layers of the base model, from the first; default: all.
        offset_model: Run folder of the model whose forecasts training starts at, as offset logits: any that was fitted
            on the same split, but not together with `last_records`; default: two-part transition frequencies.
        offset_forecasts: File of that model's forecasts of the training careers, from fits without them, as
            `out-of-fold` writes it; default: those of the model itself, which is surer of careers that it knows.
        dropout: Share of the numbers of a hidden state that the head does not see in training.
        history_features: Scores of which titles were held before, and how recently.
        teacher: Run folder of a model that was fitted on the same split, or file of forecasts such as `out-of-fold`
            writes, to distil: what it gives to the training records is learnt along with what was observed.
        teacher_weight: Share of the loss that the teacher has, from 0 to 1; default: 0.5 with a teacher.
        valid_careers: Validation careers, drawn by the seed, that choose the best weights.
        training: How to train; `text_weight` weighs next-token prediction along with the choice of titles.

    Raises:
        OptionError: A weight without a teacher, or one that is no share; forecasts without their model.

    Examples:
        >>> import laborllm as ll
        >>> ll.TitleHead(layers=15).training.batch_size
        4
    """

    name: ClassVar[str] = "title-head"

    base: str = SMOLLM2
    template: Template = Template()
    title_tokens: TitleTokens = "spelled"
    layers: int | None = None
    offset_model: Path | None = None
    offset_forecasts: Path | None = None
    dropout: float = 0.2
    history_features: bool = True
    teacher: Path | None = None
    teacher_weight: float | None = None
    valid_careers: int = 256
    training: TuningConfig = TuningConfig.preset("head")

    def __post_init__(self) -> None:
        _require_known("title-tokens", self.title_tokens, get_args(TitleTokens))
        object.__setattr__(self, "teacher_weight", teacher_share(self.teacher, self.teacher_weight))
        if self.offset_forecasts is not None and self.offset_model is None:
            raise OptionError(
                "forecasts of training careers go with the model that they are of, and there is none",
                hint="name it with --offset-model",
            )

    def fit(self, panel: Panel, *, seed: int = 0, out: Path | None = None) -> "FittedTitleHead":
        """Start at the forecasts of another model, fine-tune on split train, and take the best weights on split valid.

        Args:
            panel: The careers. Open records are left out.
            seed: Decides everything random.
            out: The run folder that will be written, next to which checkpoints are kept; None: none are.

        Returns:
            The fitted model.

        Raises:
            CapacityError: A career that does not fit into the context, or memory that does not hold a pass.
            RunError: An offset model or a teacher that was fitted on another split.
            InputError: A base model that is not here.
        """
        from laborllm.models.language.title_head import fit_title_head

        return fit_title_head(self, panel, seed=seed, out=out)


@dataclass(frozen=True)
class EmbeddingLogit:
    """A multinomial logit on a frozen base model's embedding of each career so far. Takes minutes to hours.

    Attributes:
        base: Base model: a name that `laborllm models` lists, a folder, a GGUF file or a name on the hub.
        template: How careers are written.
        pooling: The hidden state of a prompt's last token, or the mean over all.
        likelihood: One choice among all occupations, or staying or moving first and then where to.

    Raises:
        OptionError: An unknown pooling or likelihood.

    Examples:
        >>> import laborllm as ll
        >>> ll.EmbeddingLogit(likelihood="two-stage").pooling
        'last'
    """

    name: ClassVar[str] = "embedding-logit"

    base: str = SMOLLM2
    template: Template = Template()
    pooling: Pooling = "last"
    likelihood: Likelihood = "multinomial"

    def __post_init__(self) -> None:
        _require_known("pooling", self.pooling, get_args(Pooling))
        _require_known("likelihood", self.likelihood, get_args(Likelihood))

    def fit(self, panel: Panel, *, seed: int = 0, out: Path | None = None) -> "FittedEmbeddingLogit":
        """Fit the logit on split train, with the penalty that does best on split valid.

        Embeddings are stored in the user's cache, for the next fit of another kind on the same careers.

        Args:
            panel: The careers. Open records are left out.
            seed: Written into the record; nothing is random.
            out: Not used: embeddings are kept in the cache.

        Returns:
            The fitted model.

        Raises:
            InputError: A base model that is not here.
            CapacityError: A career that does not fit into the context.
        """
        from laborllm.models.language.embedding_logit import fit_embedding_logit

        return fit_embedding_logit(self, panel, seed=seed)


def _require_known(option: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise OptionError(f"unknown {option} {value!r}: use {' or '.join(known)}")
