"""Draw curves into pictures."""

from __future__ import annotations

import re
from pathlib import Path

from bench.measuring import Curve

LOG_SPAN = 50  # x values that lie further apart than this factor are drawn on a logarithmic axis


def draw_curve(directory: Path, curve: Curve) -> Path:
    """Draw one curve and give the picture's path, which follows from the curve's name."""
    # Here, not above: a second's import that only curves need; Agg: no display.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    points = sorted(curve.points)
    xs, ys = [x for x, _ in points], [y for _, y in points]
    picture = Figure(figsize=(7, 4.2), layout="constrained")
    FigureCanvasAgg(picture)
    axes = picture.subplots()
    axes.plot(xs, ys, marker="o", color="#1f5fa8")
    axes.set(title=curve.name, xlabel=curve.x_label, ylabel=curve.y_label)
    if xs and xs[0] > 0 and xs[-1] / xs[0] > LOG_SPAN:
        axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    axes.grid(visible=True, alpha=0.3)
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{_file_name(curve.name)}.png"
    picture.savefig(path, dpi=120)
    return path


def _file_name(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "curve"
