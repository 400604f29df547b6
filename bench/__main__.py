"""The command: `python -m bench [--data FOLDER] [--rows N] [--quick] [--quantization]`."""

from __future__ import annotations

import argparse
import contextlib
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from statistics import median

from bench import datasets, quantized, report, round_trips, targets
from bench.ceilings import Library, libraries
from bench.datasets import Dataset
from bench.measure import (
    Clients,
    Effort,
    Measurement,
    Method,
    Point,
    Speed,
    build,
    clients,
    hnsw,
    index_size,
    ivfflat,
    load,
    psycopg_speed,
    recall,
)
from bench.report import Comparison
from bench.round_trips import RoundTrips
from bench.targets import Target

RESULTS = Path(__file__).parent / "results"

_FULL = Effort(seconds=1.0, warm_up=0.3, repetitions=3, loads=7)
_QUICK = Effort(seconds=0.5, warm_up=0.2, repetitions=1, loads=1)
_EF_SEARCH, _QUICK_EF_SEARCH = (10, 20, 30, 40, 60, 80, 120, 200), (20, 40, 80, 200)
_PROBES, _QUICK_PROBES = (1, 2, 4, 8, 16, 32), (2, 5, 10)
_QUANTIZED_EF_SEARCH, _QUANTIZED_PROBES = (40, 80), (5, 10)
_QUICK_ROWS = 10_000


def main() -> None:
    """Measure every dataset with both index methods and report."""
    arguments = _arguments()
    effort = _QUICK if arguments.quick else _FULL
    if arguments.quantization:
        _quantization(_datasets(arguments)[0](), effort, with_ivfflat=not arguments.no_ivfflat)
        return
    folder = RESULTS / time.strftime("%Y-%m-%d-%H%M%S")
    folder.mkdir(parents=True)
    comparisons = []
    text = f"Measured on {report.machine()}.\n"
    print(text)
    section = report.round_trips(*protocol(effort))
    print(section, flush=True)
    text += "\n" + section
    for make in _datasets(arguments):
        dataset = make()
        methods = [hnsw(_QUICK_EF_SEARCH if arguments.quick else _EF_SEARCH)]
        if not arguments.no_ivfflat:
            methods.append(ivfflat(_QUICK_PROBES if arguments.quick else _PROBES, len(dataset.rows)))
        for comparison in compare(dataset, methods, effort):
            comparisons.append(comparison)
            report.draw(comparison, folder)
            section = report.tables(comparison)
            print(section, flush=True)
            text += "\n" + section
            report.save(comparisons, folder, text)
    print(f"The tables, the curves and all figures are in {folder}.")


def _quantization(dataset: Dataset, effort: Effort, *, with_ivfflat: bool) -> None:
    """Measure this server's quantized indexes over the first dataset, and print it."""
    methods = [hnsw(_QUANTIZED_EF_SEARCH)]
    if with_ivfflat:
        methods.append(ivfflat(_QUANTIZED_PROBES, len(dataset.rows)))
    print(f"Measured on {report.machine()}.\n")
    for method in methods:
        rows = []
        for row in quantized.sweep(dataset, method, effort):
            _say(f"{dataset.title}: {method.name} with {row.kind}")
            rows.append(row)
        print(quantized.table(dataset, method, rows), flush=True)


def protocol(effort: Effort) -> tuple[RoundTrips, RoundTrips]:
    """Measure what the protocol costs on both servers."""
    _say("SELECT 1, and idle connections")
    with targets.pgvector() as pg, targets.ruvector() as ru:
        return round_trips.measure(pg, effort.seconds), round_trips.measure(ru, effort.seconds)


def compare(dataset: Dataset, methods: list[Method], effort: Effort) -> Iterator[Comparison]:
    """Load the dataset into both servers, then measure one index method after the other on both."""
    with targets.pgvector() as pg, targets.ruvector() as ru:
        both = (pg, ru)
        loads: dict[str, list[float]] = {target.name: [] for target in both}
        for _ in range(effort.loads):
            for target in both:
                _say(f"{dataset.title}: loading into {target.name}")
                loads[target.name].append(load(target, dataset))
        for method in methods:
            builds: dict[str, list[float]] = {target.name: [] for target in both}
            for _ in range(effort.repetitions):
                for target in both:
                    _say(f"{dataset.title}: building {method.name} in {target.name}")
                    builds[target.name].append(build(target, dataset, method))
            measured = {
                name: Measurement(name, median(loads[name]), median(builds[name]), index_size(target))
                for name, target in ((target.name, target) for target in both)
            }
            _say(f"{dataset.title}: building {method.name} by the libraries in-process")
            ceilings = list(libraries(dataset, method))
            measured |= {one.name: Measurement(one.name, load=0.0, build=one.build) for one in ceilings}
            _sweep(dataset, method, effort, both, ceilings, measured)
            slug = f"{dataset.name}-{dataset.dimensions}-{method.name}"
            above = [measured[one.name] for one in ceilings]
            yield Comparison(dataset.title, slug, method, measured[pg.name], measured[ru.name], above)


def _sweep(
    dataset: Dataset,
    method: Method,
    effort: Effort,
    both: tuple[Target, ...],
    ceilings: list[Library],
    measured: dict[str, Measurement],
) -> None:
    """Measure every value of the search setting on every server and library, taking turns within each repetition."""
    with contextlib.ExitStack() as stack:
        pools = {one.name: stack.enter_context(clients(one, dataset, method, max(effort.clients))) for one in both}
        for value in method.values:
            _say(f"{dataset.title}: {method.setting} = {value}")
            points = {target.name: Point(value, recall(target, dataset, method, value)) for target in both}
            points |= {one.name: Point(value, one.recall(dataset, value)) for one in ceilings}
            runs: dict[str, dict[str, list[Speed]]] = {name: {} for name in points}
            for _ in range(effort.repetitions):
                for target in both:
                    for clients_, speed in _speeds(target, dataset, method, value, effort, pools[target.name]):
                        runs[target.name].setdefault(clients_, []).append(speed)
                for one in ceilings:
                    runs[one.name].setdefault("1", []).append(one.speed(value, effort))
            for name, point in points.items():
                point.speeds = {clients_: _median(all_) for clients_, all_ in runs[name].items()}
                measured[name].points.append(point)
        for target in both:
            measured[target.name].memory = target.memory()


def _speeds(
    target: Target, dataset: Dataset, method: Method, value: int, effort: Effort, pool: Clients
) -> Iterator[tuple[str, Speed]]:
    for number in effort.clients:
        yield str(number), pool.speed(number, value, effort)
    yield "psycopg", psycopg_speed(target, dataset, method, value, effort)


def _median(speeds: list[Speed]) -> Speed:
    return Speed(
        median(speed.queries_per_second for speed in speeds),
        median(speed.p50 for speed in speeds),
        median(speed.p95 for speed in speeds),
        median(speed.p99 for speed in speeds),
    )


def _datasets(arguments: argparse.Namespace) -> list[Callable[[], Dataset]]:
    rows = arguments.rows or (_QUICK_ROWS if arguments.quick else 100_000)
    small = partial(datasets.clustered, rows, 128, "l2")
    if arguments.data:
        limit = arguments.rows or (_QUICK_ROWS if arguments.quick else None)
        return [partial(datasets.real, arguments.data, limit), small]
    return [
        small,
        partial(datasets.clustered, rows // 2, 384, "cosine"),
        partial(datasets.clustered, rows // 5, 1536, "cosine"),
    ]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--data", type=Path, help="a folder with vectors.npy and queries.npy, measured first")
    parser.add_argument("--rows", type=int, help="rows of made-up data at 128 dimensions (100,000); a limit for --data")
    parser.add_argument("--quick", action="store_true", help="few rows and few points: about two minutes")
    parser.add_argument("--no-ivfflat", action="store_true", help="measure HNSW only")
    parser.add_argument("--quantization", action="store_true", help="this server's quantized indexes, and nothing else")
    return parser.parse_args()


def _say(what: str) -> None:
    print(f"  {time.strftime('%H:%M:%S')} {what}", flush=True)


if __name__ == "__main__":
    main()
