"""The verb that asks a model whom it was trained on."""

import sys
from pathlib import Path
from typing import Annotated

from laborllm.cli.options import AsJson, PanelFile, RunFolder, Seed
from laborllm.cli.places import TO_FILE


def audit(
    run: RunFolder,
    panel: PanelFile,
    /,
    *,
    out: Annotated[Path | None, TO_FILE] = None,
    reference: Path | None = None,
    refits: int = 0,
    cache: Path = Path("refits"),
    canaries: int = 0,
    extraction: int = 0,
    draws: int = 1000,
    seed: Seed = 0,
    json: AsJson = False,
) -> None:
    """Attack a fitted model: can people whom it was trained on be distinguished from people held out?

    The findings go into the model card of the run folder, too.

    Example: `laborllm audit runs/transition nlswork.parquet --refits 16 --out audit.html`

    Args:
        out: HTML page to write as well.
        reference: Run folder of a model that was not trained on these people, such as one of another panel.
        refits: Models of the same recipe to fit on random halves of the people, an even number; 16 or more make a
            strong attack (RMIA and LiRA), which takes as many times as long as the fit.
        cache: Folder that keeps refits, so that none is made twice; the one of a study will do.
        canaries: Invented careers to plant in one more fit, half of them trained on, for a lower bound on epsilon; that
            fit is not kept.
        extraction: People of either split whose careers the model is to complete from their first record.
        draws: How often people are drawn for intervals.
    """
    from laborllm import api
    from laborllm.auditing.membership import audit as attack
    from laborllm.auditing.report import as_markdown, as_text, write_audit
    from laborllm.models.runs.run_folder import write_section

    loaded = api.read_panel(panel)
    fitted = api.load(run)
    found = attack(
        fitted,
        loaded,
        reference=reference,
        refits=refits,
        cache=cache,
        canaries=canaries,
        extraction=extraction,
        draws=draws,
        seed=seed,
    )
    if run.is_dir():
        write_section(run, "Audit", as_markdown(found))
    if out is not None:
        write_audit(out, found)
        print(f"{out}: the page", file=sys.stderr)
    print(found.to_json() if json else as_text(found))
