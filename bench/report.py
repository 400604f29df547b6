"""Turns measurements into tables with ratios (Markdown), curves (PNG) and a file of results (JSON)."""

from __future__ import annotations

import json
import math
import os
import platform
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

from bench.datasets import K
from bench.measure import Measurement, Method, Point, Speed
from bench.round_trips import CLIENTS, RoundTrips

TARGET_RECALL = 0.95
_MEGABYTE = 1e6


@dataclass(frozen=True, slots=True)
class Comparison:
    """One dataset with one index method: the measurements of the servers, then those of the libraries."""

    title: str
    slug: str  # for file names
    method: Method
    pgvector: Measurement
    ruvector: Measurement
    ceilings: Sequence[Measurement]

    @property
    def all(self) -> list[Measurement]:
        """Every measurement, in the order of the report."""
        return [self.pgvector, self.ruvector, *self.ceilings]


def at_recall(points: Sequence[Point], clients: str, take: Callable[[Speed], float]) -> float | None:
    """Return a figure at recall 0.95: interpolated between neighbouring points, geometrically, as the curves are.

    The cheapest point when it already reaches 0.95; None when no point does.
    """
    known = sorted((point.recall, take(point.speeds[clients])) for point in points if clients in point.speeds)
    above = [pair for pair in known if pair[0] >= TARGET_RECALL]
    below = [pair for pair in known if pair[0] < TARGET_RECALL]
    if not above:
        return None
    (high, figure_high) = above[0]
    if not below:
        return figure_high
    (low, figure_low) = below[-1]
    share = (TARGET_RECALL - low) / (high - low)
    return math.exp(math.log(figure_low) * (1 - share) + math.log(figure_high) * share)


def machine() -> str:
    """Describe what was measured on, in one line."""
    model = platform.processor() or platform.machine()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(": ")[2]
            break
    libraries = ", ".join(f"{name} {version(name)}" for name in ("faiss-cpu", "duckdb", "numpy"))
    cores = len(os.sched_getaffinity(0))
    return f"{model}, {cores} cores, {memory:.0f} GiB, Python {platform.python_version()}, {libraries}"


def tables(comparison: Comparison) -> str:
    """Return the summary and the sweep of one comparison in Markdown."""
    method = comparison.method
    head = f"### {comparison.title}, {method.name} ({method.options})\n"
    return "\n".join([head, _summary(comparison), "", _sweep(comparison), ""])


def round_trips(pgvector: RoundTrips, ruvector: RoundTrips) -> str:
    """Return what the protocol costs on both servers in Markdown."""
    rows = [
        (f"SELECT 1 by psycopg, prepared, {CLIENTS} clients, a second", pgvector.per_second, ruvector.per_second, 1.0),
        ("memory of an idle connection, KB", pgvector.idle_bytes / 1e3, ruvector.idle_bytes / 1e3, -1.0),
    ]
    lines = ["### The protocol\n", "| | pgvector | ruvector-server | times better |", "|---|---:|---:|---:|"]
    for name, theirs, ours, sign in rows:
        lines.append(f"| {name} | {theirs:,.0f} | {ours:,.0f} | {(ours / theirs) ** sign:.1f} |")
    return "\n".join([*lines, ""])


def draw(comparison: Comparison, folder: Path) -> Path:
    """Draw recall against queries per second for each number of clients; return the PNG's path."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    numbers = [clients for clients in comparison.pgvector.points[0].speeds if clients.isdigit()]
    figure, axes = pyplot.subplots(1, len(numbers), figsize=(6.5 * len(numbers), 5), squeeze=False)
    for axis, clients in zip(axes[0], numbers, strict=True):
        for measurement in comparison.all:
            points = [point for point in measurement.points if clients in point.speeds]
            if points:
                speeds = [point.speeds[clients].queries_per_second for point in points]
                axis.plot([point.recall for point in points], speeds, marker="o", label=measurement.target)
        axis.set(xlabel=f"recall@{K}", ylabel="queries/s", yscale="log")
        axis.set_title(f"{clients} client{'s' if clients != '1' else ''}")
        axis.axvline(TARGET_RECALL, color="grey", linestyle=":", linewidth=1)
        axis.grid(visible=True, which="both", alpha=0.3)
        axis.legend()
    figure.suptitle(f"{comparison.title}, {comparison.method.name} ({comparison.method.options})")
    figure.tight_layout()
    path = folder / f"{comparison.slug}.png"
    figure.savefig(path, dpi=120)
    pyplot.close(figure)
    return path


def save(comparisons: Sequence[Comparison], folder: Path, text: str) -> None:
    """Write results.json and report.md."""
    results = {"machine": machine(), "comparisons": [asdict(comparison) for comparison in comparisons]}
    (folder / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    (folder / "report.md").write_text(text)


def _summary(comparison: Comparison) -> str:
    pg, ru = comparison.pgvector, comparison.ruvector
    rows = [
        _row("COPY BINARY load, s", pg.load, ru.load, pg.load / ru.load),
        _row("index build, s", pg.build, ru.build, pg.build / ru.build),
        _size_row("index size, MB", pg.index_size, ru.index_size),
        _size_row("server memory, MB", pg.memory, ru.memory),
    ]
    for clients in ru.points[0].speeds:
        name = {"1": "1 client", "psycopg": "1 client, psycopg"}.get(clients, f"{clients} clients")
        rows.append(_figure_row(comparison, f"queries/s, {name}", clients, _queries_per_second, faster=True))
        rows.append(_figure_row(comparison, f"p50 ms, {name}", clients, lambda speed: speed.p50, faster=False))
        rows.append(_figure_row(comparison, f"p95 ms, {name}", clients, lambda speed: speed.p95, faster=False))
        rows.append(_figure_row(comparison, f"p99 ms, {name}", clients, lambda speed: speed.p99, faster=False))
    header = f"| at recall@{K} = {TARGET_RECALL} | pgvector | ruvector-server | times better |\n|---|---:|---:|---:|"
    return "\n".join([header, *rows, *_ceiling_rows(comparison)])


def _ceiling_rows(comparison: Comparison) -> Iterable[str]:
    ours = at_recall(comparison.ruvector.points, "1", _queries_per_second)
    for ceiling in comparison.ceilings:
        theirs = at_recall(ceiling.points, "1", _queries_per_second)
        share = f"{ours / theirs:.2f} of it" if ours and theirs else "-"
        yield f"| {ceiling.target}, 1 thread, queries/s | {_number(theirs)} | {_number(ours)} | {share} |"


def _figure_row(
    comparison: Comparison, name: str, clients: str, take: Callable[[Speed], float], *, faster: bool
) -> str:
    pg, ru = (at_recall(one.points, clients, take) for one in (comparison.pgvector, comparison.ruvector))
    ratio = None
    if pg and ru:
        ratio = ru / pg if faster else pg / ru
    return _row(name, pg, ru, ratio)


def _size_row(name: str, pg: int | None, ru: int | None) -> str:
    scaled = [None if size is None else size / _MEGABYTE for size in (pg, ru)]
    return _row(name, scaled[0], scaled[1], pg / ru if pg and ru else None)


def _row(name: str, pg: float | None, ru: float | None, ratio: float | None) -> str:
    return f"| {name} | {_number(pg)} | {_number(ru)} | {'-' if ratio is None else f'{ratio:.1f}'} |"


def _sweep(comparison: Comparison) -> str:
    clients = list(comparison.ruvector.points[0].speeds)
    header = ["", comparison.method.setting, "recall"]
    header += [f"{'psycopg' if number == 'psycopg' else number + ' cl.'} q/s (p50/p95/p99 ms)" for number in clients]
    lines = ["| " + " | ".join(header) + " |", "|---" * 3 + "|---:" * len(clients) + "|"]
    for measurement in comparison.all:
        for point in measurement.points:
            cells = [measurement.target, str(point.value), f"{point.recall:.4f}"]
            cells += [_speed(point.speeds.get(number)) for number in clients]
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _speed(speed: Speed | None) -> str:
    if speed is None:
        return ""
    return f"{_number(speed.queries_per_second)} ({speed.p50:.2f}/{speed.p95:.2f}/{speed.p99:.2f})"


def _queries_per_second(speed: Speed) -> float:
    return speed.queries_per_second


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
