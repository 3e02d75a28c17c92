"""Draw curves into pictures."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from bench.measurements import Curve

LOG_SPAN = 50  # values that lie further apart than this factor are drawn on a logarithmic axis


def draw_curve(directory: Path, curve: Curve) -> Path:
    """Draw one curve. Return the picture's path, which follows from the curve's name."""
    # Imported here because only curves need it and it takes a second. Agg needs no display
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    points = sorted(curve.points)
    xs, ys = [x for x, _ in points], [y for _, y in points]
    picture = Figure(figsize=(7, 4.2), layout="constrained")
    FigureCanvasAgg(picture)
    axes = picture.subplots()
    axes.plot(xs, ys, marker="o", color="#1f5fa8")
    axes.set(title=curve.name, xlabel=curve.x_label, ylabel=curve.y_label)
    if _is_wide(xs):
        axes.set_xscale("log")
    if _is_wide(xs) and _is_wide(ys):  # Otherwise a proportional growth would look exponential
        axes.set_yscale("log")
    else:
        axes.set_ylim(bottom=0)
    axes.grid(visible=True, alpha=0.3)
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{_file_name(curve.name)}.png"
    picture.savefig(path, dpi=120)
    return path


def _is_wide(values: Sequence[float]) -> bool:
    return min(values, default=0) > 0 and max(values) / min(values) > LOG_SPAN


def _file_name(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "curve"
