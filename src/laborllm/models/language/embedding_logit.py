"""A multinomial logit on a frozen language model's embedding of each career so far.

The embedding approach of LABOR-LLM (arXiv 2406.17972): no weight of the language model is changed.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
from safetensors.torch import load_file, save_file

from laborllm.errors import RunError
from laborllm.lm.base.load import base_identity, fetch_base, load_base, require_base
from laborllm.lm.embedding.prompt_vectors import prompt_vectors
from laborllm.lm.embedding.vector_cache import cached_vectors
from laborllm.lm.forward.decoder import Decoder
from laborllm.lm.scoring.options import ScoringOptions
from laborllm.lm.tokens.encoding import CareerEncoder
from laborllm.models.forecasts.forecast import Floats, Forecast
from laborllm.models.language.multinomial import MultinomialLogit, Vectors, choose_logit
from laborllm.models.language.titles import encode
from laborllm.models.runs.base_lineage import read_lineage
from laborllm.models.runs.finite import require_finite
from laborllm.models.runs.options import to_options
from laborllm.models.runs.run_folder import FitRecord, Run, new_run
from laborllm.models.runs.seen import seen_values
from laborllm.occupations import Taxonomy
from laborllm.panel import Panel
from laborllm.panel.history import History
from laborllm.progress import progress
from laborllm.runtime import best_device

if TYPE_CHECKING:
    from laborllm.models.language.specs import EmbeddingLogit, Pooling

HEAD = "head.safetensors"


@dataclass(frozen=True, eq=False)
class FittedEmbeddingLogit:
    """A logit on embeddings of careers.

    Attributes:
        spec: What was fitted.
        record: What it was fitted on.
        embedder: The frozen base model.
        logit: The logit on its vectors.
        metrics: Validation perplexity, and the penalty that gave it.
    """

    spec: "EmbeddingLogit"
    record: FitRecord
    embedder: "Embedder"
    logit: MultinomialLogit
    metrics: dict[str, float]

    def forecast(self, panel: Panel, *, scoring: ScoringOptions | None = None) -> Forecast:
        """Embed the prompt of each record, and apply the logit.

        Args:
            panel: n records, open ones included.
            scoring: Not used: no titles are scored.
        """
        panel = self.record.over(panel)
        embedder = self.embedder
        return Forecast(
            records=panel.records.select("worker", "year", "occupation"),
            taxonomy=panel.taxonomy,
            log_prob=self.logit.log_prob(embedder.records(panel, embedder.vectors(panel))).numpy(),
            raw_mass=np.ones(len(panel)),
            method=f"{self.spec.likelihood} logit on {self.spec.pooling} hidden states (float32)",
            lineage=self.record.lineage,
        )

    def log_likelihood(self, panel: Panel, *, scoring: ScoringOptions | None = None) -> Floats:
        """Log-probability of the observed occupations, (m,) nats, by `forecast`.

        Args:
            panel: Records, m of them observed.
            scoring: Not used: no titles are scored.
        """
        return self.forecast(panel).log_likelihood

    def save(self, path: str | Path) -> None:
        """Write the run folder: the logit, and a hash of the base model."""
        base = base_identity(self.spec.base)
        with new_run(path, self.spec.name, to_options(self.spec), self.record, self.metrics, base=base) as folder:
            save_file(self.logit.tensors(), folder / HEAD)

    @classmethod
    def load(cls, run: Run, spec: "EmbeddingLogit") -> Self:
        """Read the logit of a run folder, and load its base model.

        Args:
            run: The run folder.
            spec: What was fitted.

        Raises:
            RunError: The base model has other weights now, or the logit is none of its vectors.
        """
        require_base(spec.base, run.extra["base"], run.path)
        numbers = load_file(run.path / HEAD)
        require_finite(run.path / HEAD, numbers, positive=["deviation"])
        logit = MultinomialLogit(spec.likelihood, **numbers)
        embedder = Embedder.of(spec, run.record.taxonomy)
        if not logit.fits(embedder.width, len(run.record.taxonomy)):
            raise RunError(f"{run.path / HEAD} holds no {spec.likelihood} logit of the base model and the occupations")
        return cls(spec, run.record, embedder, logit, run.metrics)


def fit_embedding_logit(spec: "EmbeddingLogit", panel: Panel, *, seed: int) -> FittedEmbeddingLogit:
    """Fit the logit on split train, with the penalty that does best on split valid.

    Args:
        spec: The options.
        panel: The careers.
        seed: Written into the record; nothing is random.

    Returns:
        The fitted model.
    """
    train, valid = (panel.subset(split).observed() for split in ("train", "valid"))
    fetch_base(spec.base)
    embedder = Embedder.of(spec, panel.taxonomy)
    ancestor = read_lineage(embedder.decoder.model.config, embedder.encoder.tokenizer, panel)
    records = (embedder.records(part, embedder.cached(part)) for part in (train, valid))
    chosen = choose_logit(spec.likelihood, len(panel.taxonomy), *records)
    metrics = {"validation perplexity": chosen.perplexity, "penalty": chosen.penalty}
    seen = seen_values(train, spec.template.columns_left_out)
    record = FitRecord.on(panel, train, seed=seed, ancestors=[ancestor], seen=seen)
    return FittedEmbeddingLogit(spec, record, embedder, chosen.logit, metrics)


@dataclass(frozen=True)
class Embedder:
    """Embeds the careers of panels with a frozen base model; `identity` identifies its weights."""

    decoder: Decoder
    encoder: CareerEncoder
    pooling: "Pooling"
    identity: str

    @classmethod
    def of(cls, spec: "EmbeddingLogit", taxonomy: Taxonomy) -> Self:
        """Load the base model of a spec on the best device.

        Args:
            spec: Names the base model, and says how careers are written and embedded.
            taxonomy: The occupations.

        Returns:
            The embedder.
        """
        base = load_base(spec.base)
        base.model.to(best_device())  # type: ignore[arg-type]
        encoder = CareerEncoder(base.tokenizer, spec.template, taxonomy)
        return cls(Decoder(base.model), encoder, spec.pooling, base_identity(spec.base))

    @property
    def width(self) -> int:
        """d, of the vectors."""
        return int(self.decoder.model.config.get_text_config().hidden_size)

    def records(self, panel: Panel, vectors: Floats) -> Vectors:
        """What the logit is fitted to.

        Args:
            panel: n records.
            vectors: Of their prompts, (n, d).

        Returns:
            The vectors, with the occupation of each record and of the one before.
        """
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
        """The vectors of a panel from the user's cache, computed at the first call."""
        about = {
            "base": self.identity,
            "panel": panel.fingerprint,
            "dataset": panel.dataset,
            "template": json.dumps(asdict(self.encoder.template)),
            "pooling": self.pooling,
        }
        return cached_vectors(about, lambda: self.vectors(panel))
