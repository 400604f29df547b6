"""The formats of EXPLAIN's output: text, JSON, YAML, each laid out as PostgreSQL does it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ruvector_engine.catalog.system.names import quote_identifier
from ruvector_engine.planner.plan_node import PlanNode, Scanned

#: A typical row's width in bytes, shown where PostgreSQL shows its estimate.
_WIDTH = 32
#: Properties that stand before all others.
_FIRST = ("Strategy", "Partial Mode", "Command", "Operation")


@dataclass(slots=True)
class Shown:
    """What is to be shown of each node."""

    costs: bool = True
    timing: bool = True
    verbose: bool = False


# -------------------------------------------------------------------- text


def text_lines(node: PlanNode, shown: Shown, indent: int = 0) -> Iterator[str]:
    """The lines of a node and what is below it."""
    if node.subplan:
        yield "  " * indent + node.subplan
        indent += 1
    arrow = "  " * indent + "->  " if indent else ""
    indent += 2 if indent else 0
    yield arrow + node.title + _place(node, shown) + _figures(node, shown)
    if node.disabled:
        yield "  " * (indent + 1) + "Disabled: true"
    for label, detail in node.details:
        yield "  " * (indent + 1) + f"{label}: {detail if isinstance(detail, str) else ', '.join(detail)}"
        if label in ("Filter", "Join Filter") and node.actual is not None and node.actual.removed:
            yield "  " * (indent + 1) + f"Rows Removed by {label}: {node.actual.removed}"
    for child in node.children:
        yield from text_lines(child, shown, indent + 1)


def _place(node: PlanNode, shown: Shown) -> str:
    """ " using index on schema.table alias"."""
    using = f" using {quote_identifier(node.index)}" if node.index else ""
    return using + (_scanned(node.scanned, shown) if node.scanned is not None else "")


def _scanned(scanned: Scanned, shown: Shown) -> str:
    alias = "" if scanned.alias == scanned.name else f" {quote_identifier(scanned.alias)}"
    if not scanned.name:
        return f" on{alias}"
    schema = f"{quote_identifier(scanned.schema)}." if shown.verbose and scanned.schema else ""
    return f" on {schema}{quote_identifier(scanned.name)}{alias}"


def _figures(node: PlanNode, shown: Shown) -> str:
    text, actual = "", node.actual
    if shown.costs:
        text += f"  (cost={node.startup:.2f}..{node.cost:.2f} rows={max(0, round(node.rows))} width={_WIDTH})"
    if actual is not None:
        times = f"time={actual.first_ms:.3f}..{actual.total_ms:.3f} " if shown.timing else ""
        text += f" (actual {times}rows={actual.rows:.2f} loops=1)"
    return text


# -------------------------------------------------------------------- JSON and YAML


def report(tree: PlanNode, shown: Shown, times: Sequence[tuple[str, float]]) -> dict[str, Any]:
    """The plan as nested dictionaries, in PostgreSQL's order."""
    found: dict[str, Any] = {"Plan": _properties(tree, shown, top=True)}
    for label, milliseconds in times:
        if label == "Execution Time":
            found["Triggers"] = []
        found[label] = round(milliseconds, 3)
    return found


def _properties(node: PlanNode, shown: Shown, *, top: bool = False) -> dict[str, Any]:
    found: dict[str, Any] = {"Node Type": node.kind or node.title}
    found |= {
        k: node.properties[k] for k in ("Strategy", "Partial Mode", "Command", "Operation") if k in node.properties
    }
    if not top:
        found["Parent Relationship"] = node.relationship
    if node.subplan:
        found["Subplan Name"] = node.subplan
    found |= {"Parallel Aware": False, "Async Capable": False}
    if node.index:
        found |= {"Scan Direction": node.properties["Scan Direction"], "Index Name": node.index}
    elif "Index Name" in node.properties:
        found["Index Name"] = node.properties["Index Name"]
    if node.scanned is not None:
        found |= _scanned_properties(node.scanned, shown)
    if "Join Type" in node.properties:
        found["Join Type"] = node.properties["Join Type"]
    if shown.costs:
        found |= {
            "Startup Cost": round(node.startup, 2),
            "Total Cost": round(node.cost, 2),
            "Plan Rows": max(0, round(node.rows)),
            "Plan Width": _WIDTH,
        }
    if node.actual is not None:
        if shown.timing:
            found |= {
                "Actual Startup Time": round(node.actual.first_ms, 3),
                "Actual Total Time": round(node.actual.total_ms, 3),
            }
        found |= {"Actual Rows": float(node.actual.rows), "Actual Loops": 1}
    found["Disabled"] = node.disabled
    if node.inner_unique is not None:
        found["Inner Unique"] = node.inner_unique
    for label, detail in node.details:
        found[label] = detail
        if label in ("Filter", "Join Filter") and node.actual is not None and node.actual.removed is not None:
            found[f"Rows Removed by {label}"] = node.actual.removed
    if node.children:
        found["Plans"] = [_properties(child, shown) for child in node.children]
    return found


def _scanned_properties(scanned: Scanned, shown: Shown) -> dict[str, str]:
    found = {scanned.label: scanned.name} if scanned.name else {}
    if shown.verbose and scanned.schema:
        found["Schema"] = scanned.schema
    return found | {"Alias": scanned.alias}


def as_json(value: Any, indent: int = 0) -> str:
    """JSON as PostgreSQL lays it out: a list of texts stands on one line."""
    inner, outer = "  " * (indent + 1), "  " * indent
    if isinstance(value, dict):
        parts = [f"{inner}{json.dumps(k)}: {as_json(v, indent + 1)}" for k, v in value.items()]
        return "{\n" + ",\n".join(parts) + f"\n{outer}}}"
    if isinstance(value, list) and any(isinstance(v, dict) for v in value):
        return "[\n" + ",\n".join(inner + as_json(v, indent + 1) for v in value) + f"\n{outer}]"
    return _scalar(value)


def as_yaml(value: dict[str, Any]) -> str:
    """One plan as a YAML list of one."""
    return "- " + "\n".join(_yaml_lines(value, 1))[2:]


def _yaml_lines(value: dict[str, Any], indent: int) -> Iterator[str]:
    pad = "  " * indent
    for key, item in value.items():
        if isinstance(item, dict):
            yield f"{pad}{key}: "
            yield from _yaml_lines(item, indent + 1)
        elif isinstance(item, list):
            yield f"{pad}{key}: "
            for each in item:
                if isinstance(each, dict):
                    yield f"{pad}  - " + "\n".join(_yaml_lines(each, indent + 2))[2 * indent + 4 :]
                else:
                    yield f"{pad}  - {_scalar(each)}"
        else:
            yield f"{pad}{key}: {_scalar(item)}"


def _scalar(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
