import io

from laborllm.evaluation import Evaluation
from laborllm.report.findings import headline
from laborllm.report.tables import perplexity_table
from laborllm.report.terminal import plain, show


def test_plain_text_fits_a_hundred_columns_and_holds_every_number(evaluation: Evaluation) -> None:
    text = plain(evaluation)
    assert max(map(len, text.splitlines())) <= 100
    assert "\x1b" not in text
    assert " ".join(text.split()).startswith(headline(evaluation))
    lines = [line.split() for line in text.splitlines()]
    for row in perplexity_table(evaluation).rows:
        assert " ".join(row).split() in lines


def test_a_file_gets_plain_text(evaluation: Evaluation) -> None:
    file = io.StringIO()
    show(evaluation, file)
    assert file.getvalue() == plain(evaluation) + "\n"


def test_a_name_is_no_markup(hostile: Evaluation) -> None:
    assert '<script>alert("x")' in plain(hostile)
