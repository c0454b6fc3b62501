"""Pieces of inline SVG, coloured by the page's style sheet, so that they follow light and dark."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

WIDTH = 420  # of every chart in its own units: one column, so that its text is readable on a phone
SERIES = 7  # colours that the style sheet knows

Anchor = Literal["start", "middle", "end"]
Point = tuple[float, float]


@dataclass(frozen=True)
class Scale:
    """From values to places in a chart."""

    low: float
    high: float
    first: float
    last: float

    def __call__(self, value: float) -> float:
        return self.first + (value - self.low) / ((self.high - self.low) or 1.0) * (self.last - self.first)


@dataclass(frozen=True)
class Chart:
    """A chart for the page: its title, its description for readers who do not see it, the picture, and a note below."""

    title: str
    description: str
    picture: str
    note: str = ""


def chart(pieces: Sequence[str], *, height: float, description: str) -> str:
    """An svg element, WIDTH x `height` units, with `description` as its alternative text."""
    return (
        f'<svg class="chart" viewBox="0 0 {WIDTH} {number(height)}" role="img" aria-label="{escape(description)}" '
        f'xmlns="http://www.w3.org/2000/svg">{"".join(pieces)}</svg>'
    )


def text(x: float, y: float, content: str, *, look: str = "tick", anchor: Anchor = "start") -> str:
    """Words at a place; `look` is a class of the style sheet."""
    return f'<text class="{look}" x="{number(x)}" y="{number(y)}" text-anchor="{anchor}">{escape(content)}</text>'


def line(start: Point, end: Point, look: str) -> str:
    """A straight line."""
    (x1, y1), (x2, y2) = start, end
    return f'<line class="{look}" x1="{number(x1)}" y1="{number(y1)}" x2="{number(x2)}" y2="{number(y2)}"/>'


def rectangle(x: float, y: float, width: float, height: float, look: str, *, title: str = "") -> str:
    """A rectangle; `title` is shown where a mouse rests on it."""
    inside = f"<title>{escape(title)}</title>" if title else ""
    size = f'width="{number(max(width, 0))}" height="{number(height)}"'
    return f'<rect class="{look}" x="{number(x)}" y="{number(y)}" {size}>{inside}</rect>'


def dot(x: float, y: float, radius: float, look: str, *, title: str = "") -> str:
    """A filled circle; `title` is shown where a mouse rests on it."""
    inside = f"<title>{escape(title)}</title>" if title else ""
    return f'<circle class="{look}" cx="{number(x)}" cy="{number(y)}" r="{number(radius)}">{inside}</circle>'


def curve(points: Sequence[Point], look: str, *, closed: bool = False) -> str:
    """A line through points, or the area that they enclose."""
    steps = "L".join(f"{number(x)} {number(y)}" for x, y in points)
    return f'<path class="{look}" d="M{steps}{"Z" if closed else ""}"/>'


def ticks(low: float, high: float, *, about: int = 5) -> list[float]:
    """Round values from `low` to `high`, 1, 2 or 5 times a power of ten apart, `about` so many."""
    if not high > low:
        return [low]
    rough = (high - low) / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(place * step, 10) for place in range(first, math.floor(high / step + 1e-9) + 1)]


def across(scale: Scale, *, top: float, bottom: float, label: str, suffix: str = "") -> list[str]:
    """Grid, numbers and name of a horizontal axis."""
    middle = (scale.first + scale.last) / 2
    pieces = [text(middle, bottom + 31, label, look="axis", anchor="middle")]
    for value in ticks(scale.low, scale.high):
        pieces += [line((scale(value), top), (scale(value), bottom), "grid")]
        pieces += [text(scale(value), bottom + 15, f"{value:g}{suffix}", anchor="middle")]
    return pieces


def upwards(scale: Scale, *, left: float, right: float, label: str, suffix: str = "") -> list[str]:
    """Grid, numbers and name (above, so that nobody turns the head) of a vertical axis."""
    pieces = [text(left - 30, scale.last - 10, label, look="axis")]
    for value in ticks(scale.low, scale.high):
        pieces += [line((left, scale(value)), (right, scale(value)), "grid")]
        pieces += [text(left - 6, scale(value) + 4, f"{value:g}{suffix}", anchor="end")]
    return pieces


def number(value: float) -> str:
    """A coordinate with at most one decimal."""
    return f"{value:.1f}".removesuffix(".0")
