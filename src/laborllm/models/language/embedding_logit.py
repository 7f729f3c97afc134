"""A frozen language model reads each career so far into a vector, and a multinomial logit forecasts from the vector.

The embedding approach of LABOR-LLM (arXiv 2406.17972): no weight of the language model is changed.
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
from safetensors.torch import load_file, save_file

from laborllm.errors import OptionError, RunError
from laborllm.lm.base.load import EMBEDDED, base_identity, load_base, require_base
from laborllm.lm.embedding.prompt_vectors import Pooling, prompt_vectors
from laborllm.lm.embedding.vector_cache import cached_vectors
from laborllm.lm.forward.decoder import Decoder
from laborllm.lm.tokens.encoding import CareerEncoder
from laborllm.models.contract import Floats, Forecast
from laborllm.models.language.multinomial import Likelihood, MultinomialLogit, Vectors, choose_logit
from laborllm.models.language.titles import encode
from laborllm.models.run_folder import Trained, new_run, read_metrics, read_run, restored, stated
from laborllm.occupations import Taxonomy
from laborllm.panel import Panel
from laborllm.panel.history import History
from laborllm.progress import progress
from laborllm.runtime import best_device
from laborllm.text import Template

HEAD = "head.safetensors"


@dataclass
class EmbeddingLogit:
    """base: what `load_base` can load. template: how careers are written. pooling: the vector is the last hidden state
    of the prompt's last token, or the mean over its tokens. likelihood: that of one multinomial choice, as in the
    paper, or of staying or moving first and of where to next."""

    name: ClassVar[str] = "embedding-logit"

    base: str = EMBEDDED
    template: Template = field(default_factory=Template)
    pooling: Pooling = "last"
    likelihood: Likelihood = "multinomial"
    fitted: "Fitted | None" = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.pooling not in ("last", "mean"):
            raise OptionError(f"unknown pooling {self.pooling!r}: use last or mean")
        if self.likelihood not in ("multinomial", "two-stage"):
            raise OptionError(f"unknown likelihood {self.likelihood!r}: use multinomial or two-stage")

    def fit(self, panel: Panel, *, seed: int = 0, out: Path | None = None) -> Self:
        """Fit the logit on split train, with the penalty that does best on split valid. Their vectors are kept in the
        user's cache, for the next fit of another kind on the same careers."""
        train, valid = (panel.subset(split).observed() for split in ("train", "valid"))
        embedder = Embedder.of(self, panel.taxonomy)
        records = (embedder.records(part, embedder.cached(part)) for part in (train, valid))
        chosen = choose_logit(self.likelihood, len(panel.taxonomy), *records)
        metrics = {"validation perplexity": chosen.perplexity, "penalty": chosen.penalty}
        self.fitted = Fitted(Trained.on(panel, train, seed=seed), embedder, chosen.logit, metrics)
        return self

    def forecast(self, panel: Panel) -> Forecast:
        fitted = self._require_fitted()
        fitted.trained.require_same_taxonomy(panel)
        embedder = fitted.embedder
        return Forecast(
            records=panel.records.select("worker", "year", "occupation"),
            taxonomy=panel.taxonomy,
            log_prob=fitted.logit.log_prob(embedder.records(panel, embedder.vectors(panel))).numpy(),
            raw_mass=np.ones(len(panel)),
            method=f"{self.likelihood} logit on {self.pooling} hidden states (float32)",
        )

    def log_likelihood(self, panel: Panel) -> Floats:
        return self.forecast(panel).log_likelihood

    def save(self, path: Path) -> None:
        fitted = self._require_fitted()
        options = stated(self, "fitted") | {"base_identity": base_identity(self.base)}
        with new_run(path, self.name, options, fitted.trained, fitted.metrics) as folder:
            save_file(fitted.logit.tensors(), folder / HEAD)

    @classmethod
    def load(cls, path: Path) -> Self:
        _, options, trained = read_run(path)
        require_base(options["base"], options.pop("base_identity"), path)
        model = restored(cls, options, path)
        logit = MultinomialLogit(model.likelihood, **load_file(path / HEAD))
        model.fitted = Fitted(trained, Embedder.of(model, trained.taxonomy), logit, read_metrics(path))
        return model

    def _require_fitted(self) -> "Fitted":
        if self.fitted is None:
            raise RunError("the logit is not fitted: call fit, or load a run folder")
        return self.fitted


@dataclass(frozen=True)
class Embedder:
    """Reads panels into vectors with a frozen base model, whose weights `identity` tells from others."""

    decoder: Decoder
    encoder: CareerEncoder
    pooling: Pooling
    identity: str

    @classmethod
    def of(cls, model: EmbeddingLogit, taxonomy: Taxonomy) -> Self:
        base = load_base(model.base)
        base.model.to(best_device())  # type: ignore[arg-type]
        encoder = CareerEncoder(base.tokenizer, model.template, taxonomy)
        return cls(Decoder(base.model), encoder, model.pooling, base_identity(model.base))

    def records(self, panel: Panel, vectors: Floats) -> Vectors:
        history = History.of(panel)
        return Vectors(vectors, history.previous, history.occupation)

    def vectors(self, panel: Panel) -> Floats:
        """(n, d) float32, one for the prompt of each record."""
        found = []
        with progress("read careers", len(panel), "records") as advance:
            for one in prompt_vectors(self.decoder, encode(self.encoder, panel), self.pooling):
                found.append(one.numpy())
                advance(len(one))
        return np.concatenate(found)

    def cached(self, panel: Panel) -> Floats:
        """The same, computed once for a panel."""
        about = {
            "base": self.identity,
            "panel": panel.fingerprint,
            "dataset": panel.dataset,
            "template": json.dumps(asdict(self.encoder.template)),
            "pooling": self.pooling,
        }
        return cached_vectors(about, lambda: self.vectors(panel))


@dataclass(frozen=True)
class Fitted:
    """What fitting left: training facts, the frozen decoder, the logit, and how it did on split valid."""

    trained: Trained
    embedder: Embedder
    logit: MultinomialLogit
    metrics: dict[str, float]
