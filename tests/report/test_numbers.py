import math

import pytest

from laborllm.report.numbers import count, interval, number, p_value, share, signed


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.000"),
        (0.12345, "0.123"),
        (0.9996, "1.00"),
        (8.256, "8.26"),
        (9.996, "10.0"),
        (99.96, "100"),
        (12345.6, "12,346"),
        (999_999.4, "999,999"),
        (2.34e11, "2.3e11"),
        (-1e6, "−1.0e6"),  # noqa: RUF001
        (-0.5, "−0.500"),  # noqa: RUF001
        (-0.0001, "0.000"),
        (math.inf, "∞"),
        (None, "–"),  # noqa: RUF001
        (math.nan, "–"),  # noqa: RUF001
    ],
)
def test_a_number_shows_three_digits(value: float | None, text: str) -> None:
    assert number(value) == text


def test_ratios_keep_three_decimals() -> None:
    assert number(1.0604, near_one=True) == "1.060"
    assert interval(0.95, 12.3, near_one=True) == "0.950 to 12.3"


def test_a_difference_carries_its_sign() -> None:
    assert (signed(0.2), signed(0.00001)) == ("+0.200", "0.000")


def test_a_share_just_short_of_the_whole_does_not_become_it() -> None:
    assert (share(0.9999), share(1.0), share(0.0), share(0.905)) == ("99.9 %", "100.0 %", "0.0 %", "90.5 %")


def test_nothing_known_is_nothing_shown() -> None:
    assert (interval(None, 1.0), count(None), count(1234)) == ("", "–", "1,234")  # noqa: RUF001
    assert share(None) == share(math.nan) == number(None)


def test_small_p_values_are_not_zero() -> None:
    assert [p_value(value) for value in (0.04, 0.001, 0.0009, 0.0, None)] == [
        "0.040",
        "0.001",
        "< 0.001",
        "< 0.001",
        number(None),
    ]
