"""Numbers as people read them: the digits that mean something, and a dash where there is nothing to show."""

import math
from collections.abc import Sequence

MISSING = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"
INFINITE = "\N{INFINITY}"
HUGE = 999_999.5  # from here on powers of ten read better


def number(value: float | None, *, near_one: bool = False, digits: int = 3) -> str:
    """Digits that mean something, three by default: 0.123, 1.23, 12.3, 123, 12,345, 2.3e7.

    Args:
        value: A number; None where there is none.
        near_one: Three decimals up to ten, for ratios and areas.
        digits: How many digits mean something.

    Returns:
        The text; a dash where there is no number.
    """
    if value is None or math.isnan(value):
        return MISSING
    if math.isinf(value):
        return INFINITE if value > 0 else f"{MINUS}{INFINITE}"
    if abs(value) >= HUGE:
        return f"{value:.1e}".replace("e+0", "e").replace("e+", "e").replace("-", MINUS)
    bounds = [(10 ** (digits - places) - 0.5 * 10**-places, places) for places in range(digits, 0, -1)]
    bounds = [(9.9995, 3), *bounds[1:]] if near_one else bounds
    decimals = next((places for bound, places in bounds if abs(value) < bound), 0)
    text = f"{abs(value):,.{decimals}f}"
    return f"{MINUS}{text}" if value < 0 and float(text.replace(",", "")) else text


def in_column(values: Sequence[float | None]) -> list[str]:
    """Numbers that stand below each other: four digits where three do not tell different ones apart."""
    return [number(value, digits=digits_of(values)) for value in values]


def digits_of(values: Sequence[float | None]) -> int:
    """Four where three digits do not tell different numbers apart and four do better; else three."""
    three, four = ({number(value, digits=digits) for value in values if value is not None} for digits in (3, 4))
    return 4 if len(three) < len(four) and len(three) < len({value for value in values if value is not None}) else 3


def signed(value: float | None) -> str:
    """A number with its sign, as differences are written."""
    text = number(value)
    return f"+{text}" if value is not None and value > 0 and text.strip("0.") else text


def share(value: float | None) -> str:
    """A share as a percentage: 97.3 %. A share just short of the whole never rounds up to it."""
    if value is None or math.isnan(value):
        return MISSING
    percent = min(100 * value, 99.9) if value < 1 else 100.0
    return f"{percent:.1f} %"


def interval(low: float | None, high: float | None, *, near_one: bool = False) -> str:
    """A range: 7.10 to 8.32.

    Args:
        low: Its lower end; None where there is none.
        high: Its upper end; None where there is none.
        near_one: Three decimals up to ten, for ratios and areas.

    Returns:
        The text, empty where an end is missing.
    """
    return (
        "" if low is None or high is None else f"{number(low, near_one=near_one)} to {number(high, near_one=near_one)}"
    )


def p_value(value: float | None) -> str:
    """A p-value, as they are written: 0.04, and < 0.001 for what is smaller."""
    return "< 0.001" if value is not None and value < 0.001 else number(value)


def count(value: int | None) -> str:
    """A whole number with commas between thousands; a dash where there is none."""
    return MISSING if value is None else f"{value:,}".replace("-", MINUS)
