"""The counts of a dry run are those of the fit."""

import dataclasses
from pathlib import Path

from laborllm.lm.tuning.config import TuningConfig
from laborllm.models.language.dry_run import dry_run
from laborllm.models.language.specs import LanguageModel
from laborllm.panel import Panel


def test_a_dry_run_counts_what_the_fit_does(base_folder: Path, panel: Panel, tmp_path: Path) -> None:
    config = TuningConfig(epochs=2, batch_size=3, validate_every=16)
    model = LanguageModel(base=str(base_folder), training=config)
    found = dry_run(model, panel)
    fitted = model.fit(panel, out=tmp_path / "run")
    assert fitted.adapter is not None
    assert found.careers == panel.subset("train").workers
    assert 2 * found.tokens == fitted.curve[-1].tokens
    assert found.validation_steps == len(fitted.curve)
    assert found.trained == sum(tensor.numel() for tensor in fitted.adapter.tensors.values())
    (written,) = (tmp_path / "run.training").iterdir()
    assert found.steps == int(written.name.removeprefix("step-"))
    size = sum(file.stat().st_size for file in written.glob("*.safetensors"))
    assert abs(found.checkpoint / size - 1) < 0.5  # names weigh as much as numbers in a model this small
    everything = dataclasses.replace(model, training=dataclasses.replace(config, method="full"))
    assert dry_run(everything, panel).trained > found.trained
