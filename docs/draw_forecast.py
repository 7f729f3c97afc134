"""Draw docs/forecast.svg, the picture of the README: where a person who does not exist may be over the years to come.

She sold things in shops from 2015 to 2024. The model is the one that comes with laborllm, so no data are needed.
"""

from pathlib import Path

import altair as alt
import polars as pl

import laborllm as ll
from laborllm.report.figures.look import FONT, to_svg

SHOWN = 5  # occupations; all others share a colour
COLOURS = ("#0072b2", "#e69f00", "#56b4e9", "#009e73", "#cc79a7", "#b7bdc4")


def invented_career() -> ll.Panel:
    """Ten years in a shop of a woman who does not exist."""
    about = {"education": "high school", "gender": "female", "birth_year": 1984}
    job = {"worker": "invented", "start": "2015", "end": "2024", "title": "Retail salesperson"}
    return ll.read_people(pl.DataFrame([job | about]), ll.PeopleOptions(as_of="2024")).panel


def main() -> None:
    fitted = ll.load("nlsy")
    paths = ll.simulate(fitted, invented_career(), years=range(2025, 2030), draws=20_000, seed=0)
    titles = list(paths.taxonomy.titles)
    probability = pl.DataFrame(paths.probability[0], schema=titles, orient="row")
    frame = probability.with_columns(year=pl.Series(paths.years[0])).unpivot(index="year", variable_name="occupation")
    top = frame.group_by("occupation").agg(pl.col("value").mean()).sort("value", descending=True)["occupation"][:SHOWN]
    order = [*top, "All others"]
    named = pl.when(pl.col("occupation").is_in(top.implode())).then("occupation").otherwise(pl.lit("All others"))
    people = (
        frame.group_by(pl.col("year").cast(pl.Int64), named.alias("occupation"))
        .agg(people=100 * pl.col("value").cast(pl.Float64).sum())
        .sort("year")
    )
    (Path(__file__).parent / "forecast.svg").write_text(to_svg(draw(people, order), "forecast"))


def draw(people: pl.DataFrame, order: list[str]) -> alt.Chart:
    """A bar of one hundred people for each year."""
    return (
        alt.Chart(
            people.with_columns(place=pl.col("occupation").replace_strict(order, range(len(order)))),
            title=alt.Title(
                "Of 100 women with ten years as retail salespersons",
                subtitle="an invented career, forecast by the model that comes with laborllm",
                anchor="start",
            ),
            width=620,
            height=190,
        )
        .mark_bar(size=24)
        .encode(
            y=alt.Y("year:O", title=None),
            x=alt.X("people:Q", title="people", scale=alt.Scale(domain=[0, 100]), axis=alt.Axis(tickCount=5)),
            order=alt.Order("place:Q"),
            color=alt.Color("occupation:N", sort=order, title=None, scale=alt.Scale(domain=order, range=COLOURS)),
        )
        .configure(font=FONT, background="white")
        .configure_view(stroke=None)
    )


if __name__ == "__main__":
    main()
