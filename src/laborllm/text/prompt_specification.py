"""Prompt specification: the template in words, for those who write prompts without this package."""

import polars as pl

from laborllm.occupations import Taxonomy
from laborllm.panel import Panel, Provenance
from laborllm.text.template import END, Template, render


def prompt_specification(template: Template, taxonomy: Taxonomy, dataset: str) -> str:
    """Say in Markdown how a career is written and where its titles are read; the worker in it is invented.

    Args:
        template: How careers are written.
        taxonomy: The occupations of the example.
        dataset: The label that stands in the first line of a career.

    Returns:
        The example and its rules.
    """
    dataset = dataset.replace("`", "'")  # which would end the example, or the name
    rules = [
        f"The first line names the dataset: `{dataset}` is the one of the fit.",
        "Gender, ethnicity, region, year of birth and education are written in the words of the panel. What is not "
        "known, or left out by the template, drops its words or its line; the fourth line speaks of an education level "
        "if the first record has one. The region is the one in the first record.",
        "A prompt ends with the colon after a year and an education. The title follows after a space, and a newline "
        "ends it.",
        f"After the last record of a career stands `{END}`.",
        _rule_of_titles(template),
        *_rule_of_windows(template),
        "The probability of a title is the product of the probabilities of its tokens, given the prompt and the tokens "
        "before, with the space that begins it and the newline that ends it. Divide by the sum over all titles to have "
        "a distribution over them.",
    ]
    (career, *_) = render(_invented(taxonomy, dataset), template)
    return f"```text\n{career.text}\n```\n\n" + "\n".join(f"- {rule}" for rule in rules)


def _rule_of_titles(template: Template) -> str:
    kinds = {
        "literal": "as the taxonomy has them",
        "numeric": "codes without meaning",
        "abbreviated": "abbreviated",
        "reworded": "reworded",
        "shuffled": "shuffled: each occupation has the title of another",
    }
    return f"Titles are {kinds[template.titles]}; `titles.csv` lists what is written for each code."


def _rule_of_windows(template: Template) -> list[str]:
    if template.last_records is None:
        return []
    return [f"Between the header and the line to be completed stand only the last {template.last_records} records."]


def _invented(taxonomy: Taxonomy, dataset: str) -> Panel:
    """Two years of nobody, in the first occupations of the taxonomy."""
    codes = (taxonomy.codes * 2)[:2]
    rows = {"worker": ["1", "1"], "year": [1999, 2000], "occupation": codes, "education": ["high school", "college"]}
    who = {"gender": "female", "ethnicity": "white", "region": "south", "birth_year": 1980, "split": "train"}
    records = pl.DataFrame(rows).with_columns(**{name: pl.lit(value) for name, value in who.items()})
    return Panel(records, taxonomy, dataset, Provenance("invented"))
