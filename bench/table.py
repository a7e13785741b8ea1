"""Table: the figures for people."""

from __future__ import annotations

from collections.abc import Sequence

from bench.figure import Figure, Skipped, written

_HEAD = ("figure", "limit", "measured", "spread", "of", "met")


def table(figures: Sequence[Figure], skipped: Sequence[Skipped] = ()) -> str:
    """A row for each figure, and what it means below; why the others were skipped."""
    rows = [_HEAD, *(_row(figure) for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    width = max(widths[0], *(len(one.name) for one in skipped), 0)
    lines += [f"{one.name.ljust(width)}  skipped: {one.why}" for one in skipped]
    notes = [
        f"{figure.name.ljust(width)}  {figure.what}" + (f"; {figure.beside}" * bool(figure.beside))
        for figure in figures
    ]
    return "\n".join([*lines, "", *notes])


def _row(figure: Figure) -> tuple[str, ...]:
    return (
        figure.name,
        "-" if figure.limit is None else f"{written(figure.limit)} {figure.unit}",
        f"{written(figure.measured)} {figure.unit}",
        f"{written(figure.low)} to {written(figure.high)}",
        figure.of,
        {None: "-", True: "yes", False: "NO"}[figure.met],
    )
