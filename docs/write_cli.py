"""Write docs/cli.md from the help of the commands."""

from pathlib import Path

from laborllm.cli import app

Path(__file__).with_name("cli.md").write_text(app.generate_docs())
