"""Bar charts as SVG files: what ours takes, as a multiple of what the peer takes.

A file is light or dark as the browser asks, and has a ground of its own, so that it can be read on
any page. It needs no font, script or style from anywhere.
"""

from collections.abc import Sequence
from typing import NamedTuple
from xml.sax.saxutils import escape

_WIDTH, _MARGIN, _ROW, _HEAD = 480, 16, 34, 62
_BAR = 9
# In multiples of the peer: where the axis ends at the earliest, and where a longer bar is cut.
_SHORTEST, _LONGEST = 1.25, 2.5
_STYLE = """\
.ground { fill: #ffffff; stroke: #d1d9e0 }
text { fill: #1f2328; font: 13px system-ui, sans-serif }
.title { font-weight: 600; font-size: 14px }
.muted { fill: #59636e; font-size: 12px }
.less { fill: #0969da }
.more { fill: #bc4c00 }
.peer { stroke: #59636e; stroke-dasharray: 3 3 }
@media (prefers-color-scheme: dark) {
.ground { fill: #0d1117; stroke: #3d444d }
text { fill: #f0f6fc }
.muted { fill: #9198a1 }
.less { fill: #4493f8 }
.more { fill: #f0883e }
.peer { stroke: #9198a1 }
}"""


class Bar(NamedTuple):
    label: str
    # Ours as a multiple of the peer's.
    ratio: float


def chart(title: str, peer: str, bars: Sequence[Bar]) -> str:
    """Return the text of an SVG file. `peer` is what the line at 1 stands for."""
    height = _HEAD + _ROW * len(bars) + 10
    longest = min(max([_SHORTEST, *(bar.ratio * 1.05 for bar in bars)]), _LONGEST)
    unit = (_WIDTH - 2 * _MARGIN) / longest
    line = _MARGIN + unit
    drawn = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}"'
        f' width="{_WIDTH}" height="{height}" role="img">',
        f"<title>{escape(title)}</title>",
        f"<style>\n{_STYLE}\n</style>",
        f'<rect class="ground" x="0.5" y="0.5" width="{_WIDTH - 1}" height="{height - 1}" rx="8"/>',
        f'<text class="title" x="{_MARGIN}" y="24">{escape(title)}</text>',
        f'<text class="muted" x="{_MARGIN}" y="44">{escape(f"the dashed line is {peer}")}</text>',
    ]
    for number, bar in enumerate(bars):
        drawn += _drawn(bar, _HEAD + _ROW * number, unit)
    drawn.append(
        f'<path class="peer" d="M{line:.1f} {_HEAD - 8}V{height - 10}" fill="none"/>',
    )
    return "\n".join([*drawn, "</svg>", ""])


def _drawn(bar: Bar, top: int, unit: float) -> list[str]:
    kind = "less" if round(bar.ratio, 2) <= 1 else "more"
    end = _WIDTH - _MARGIN
    width = max(bar.ratio * unit, 1)
    y = top + 18
    if width > end - _MARGIN:
        # Cut, with an arrow's head for the rest.
        shape = f"M{_MARGIN} {y}H{end - 6}l6 {_BAR / 2}l-6 {_BAR / 2}H{_MARGIN}z"
    else:
        shape = f"M{_MARGIN} {y}h{width:.1f}v{_BAR}H{_MARGIN}z"
    return [
        f'<text x="{_MARGIN}" y="{top + 12}">{escape(bar.label)}</text>',
        f'<text x="{end}" y="{top + 12}" text-anchor="end">{bar.ratio:.2f} ×</text>',
        f'<path class="{kind}" d="{shape}"/>',
    ]
