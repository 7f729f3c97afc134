"""Write docs/reference/cli.md from the help of the commands."""

from pathlib import Path

from laborllm.cli import app

(Path(__file__).parent / "reference" / "cli.md").write_text(app.generate_docs())
