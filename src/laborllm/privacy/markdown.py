"""Labels that people chose, in Markdown, which may hold HTML: they are text there, and nothing else."""

import html

MARKS = str.maketrans({mark: f"\\{mark}" for mark in "|`["})


def in_markdown(text: object) -> str:
    """A text as Markdown shows it, in one line.

    Args:
        text: What is to be shown.

    Examples:
        >>> in_markdown("<b>a</b> | b")
        '&lt;b&gt;a&lt;/b&gt; \\\\| b'
    """
    return html.escape(" ".join(str(text).split()), quote=False).translate(MARKS)
