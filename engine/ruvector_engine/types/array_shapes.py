"""What happens to the shapes of arrays (see array_values) that are put together, cut, or written to.

After arrayfuncs.c and array_userfuncs.c. Places in an array's elements count from 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import prod

from ruvector_engine.errors import SqlError
from ruvector_engine.types.array_values import EMPTY_SHAPE
from ruvector_engine.types.arrays import MAX_DIMENSIONS, too_many_dimensions

Shape = Sequence[int]
#: How a slice's bound that is not written is given.
LEAST, MOST = -(2**31), 2**31 - 1
_MAX_ELEMENTS = 134_217_727
_CANNOT_CONCATENATE = "cannot concatenate incompatible arrays"


def lengths(shape: Shape) -> list[int]:
    """The length of each dimension."""
    return list(shape[1 : shape[0] + 1])


def lower_bounds(shape: Shape) -> list[int]:
    """The lower bound of each dimension."""
    return list(shape[shape[0] + 1 :])


def made(lengths_: Sequence[int], lower: Sequence[int]) -> list[int]:
    """The shape of these lengths and lower bounds."""
    if not lengths_ or 0 in lengths_:
        return EMPTY_SHAPE
    if len(lengths_) > MAX_DIMENSIONS:
        raise too_many_dimensions(len(lengths_))
    if prod(lengths_) > _MAX_ELEMENTS:
        raise SqlError("54000", f"array size exceeds the maximum allowed ({_MAX_ELEMENTS})")
    for low, length in zip(lower, lengths_, strict=True):
        if low + length > MOST:
            raise SqlError("54000", f"array lower bound is too large: {low}")
    return [len(lengths_), *lengths_, *lower]


def dimensions_text(shape: Shape) -> str | None:
    """What array_dims() says."""
    bounds = zip(lower_bounds(shape), lengths(shape), strict=True)
    return "".join(f"[{low}:{low + length - 1}]" for low, length in bounds) or None


def concatenated(a: Shape, b: Shape) -> list[int]:
    """The shape of a || b, two arrays."""
    if not a[0] or not b[0]:
        return list(b if not a[0] else a)
    rows_a, rows_b = lengths(a), lengths(b)
    low_a, low_b = lower_bounds(a), lower_bounds(b)
    if abs(a[0] - b[0]) > 1:
        detail = f"Arrays of {a[0]} and {b[0]} dimensions are not compatible for concatenation."
        raise SqlError("2202E", _CANNOT_CONCATENATE, detail=detail)
    if a[0] == b[0]:
        if (rows_a[1:], low_a[1:]) != (rows_b[1:], low_b[1:]):
            detail = "Arrays with differing element dimensions are not compatible for concatenation."
            raise SqlError("2202E", _CANNOT_CONCATENATE, detail=detail)
        return made([rows_a[0] + rows_b[0], *rows_a[1:]], low_a)
    whole, part = ((rows_a, low_a), (rows_b, low_b)) if a[0] > b[0] else ((rows_b, low_b), (rows_a, low_a))
    if (whole[0][1:], whole[1][1:]) != part:
        detail = "Arrays with differing dimensions are not compatible for concatenation."
        raise SqlError("2202E", _CANNOT_CONCATENATE, detail=detail)
    return made([whole[0][0] + 1, *whole[0][1:]], whole[1])


def extended(shape: Shape) -> list[int]:
    """The shape with one element more: array_append(), array_prepend()."""
    if shape[0] > 1:
        raise SqlError("22000", "argument must be empty or one-dimensional array")
    return made([lengths(shape)[0] + 1], lower_bounds(shape)) if shape[0] else [1, 1, 1]


def nested(shapes: Sequence[Shape | None]) -> list[int]:
    """The shape of ARRAY[...] over arrays of these shapes; None for NULL, which counts as empty."""
    known = [list(shape) for shape in shapes if shape is not None and shape[0]]
    if not known:
        return EMPTY_SHAPE
    if len(known) < len(shapes) or any(shape != known[0] for shape in known):
        raise SqlError("2202E", "multidimensional arrays must have array expressions with matching dimensions")
    return made([len(known), *lengths(known[0])], [1, *lower_bounds(known[0])])


def aggregated(shapes: Sequence[Shape | None]) -> list[int]:
    """The shape of array_agg() over arrays."""
    for shape in shapes:
        if shape is None:
            raise SqlError("22004", "cannot accumulate null arrays")
        if not shape[0]:
            raise SqlError("2202E", "cannot accumulate empty arrays")
        if shape != shapes[0]:
            raise SqlError("2202E", "cannot accumulate arrays of different dimensionality")
    return nested(shapes)


def filled(dimensions: Sequence[int | None], lower: Sequence[int | None] | None) -> list[int]:
    """The shape of array_fill()."""
    bounds = [1] * len(dimensions) if lower is None else list(lower)
    if None in dimensions or None in bounds:
        raise SqlError("22004", "dimension values cannot be null")
    if len(bounds) != len(dimensions):
        detail = "Low bound array has different size than dimensions array."
        raise SqlError("2202E", "wrong number of array subscripts", detail=detail)
    if len(dimensions) > MAX_DIMENSIONS:
        raise too_many_dimensions(len(dimensions))
    sizes = [int(size or 0) for size in dimensions]
    if any(size < 0 for size in sizes):
        raise SqlError("54000", f"array size exceeds the maximum allowed ({_MAX_ELEMENTS})")
    return made(sizes, [int(bound or 0) for bound in bounds])


def one_dimension(shape: Shape, doing: str) -> int:
    """The lower bound of an array that must have one dimension, for array_position() and the like."""
    if shape[0] > 1:
        raise SqlError("0A000", f"{doing} multidimensional arrays is not supported")
    return lower_bounds(shape)[0] if shape[0] else 1


# ---------------------------------------------------------------- subscripts


def place(shape: Shape, subscripts: Sequence[int | None]) -> int | None:
    """Where an element is; None when the subscripts lead nowhere."""
    if shape[0] != len(subscripts):
        return None
    at = 0
    for subscript, low, length in zip(subscripts, lower_bounds(shape), lengths(shape), strict=True):
        if subscript is None or not low <= subscript < low + length:
            return None
        at = at * length + subscript - low
    return at + 1


def _clipped(shape: Shape, low: Sequence[int], high: Sequence[int]) -> list[tuple[int, int]] | None:
    """The bounds of a slice within the array, dimension by dimension; None when nothing is within it."""
    if len(low) > shape[0]:
        return None
    bounds = []
    for i, (first, length) in enumerate(zip(lower_bounds(shape), lengths(shape), strict=True)):
        last = first + length - 1
        begin, end = (max(low[i], first), min(high[i], last)) if i < len(low) else (first, last)
        if begin > end:
            return None
        bounds.append((begin, end))
    return bounds or None


def slice_shape(shape: Shape, low: Sequence[int], high: Sequence[int]) -> list[int]:
    """The shape of array[low:high][...]: it counts from 1."""
    bounds = _clipped(shape, low, high)
    if bounds is None:
        return EMPTY_SHAPE
    return made([end - begin + 1 for begin, end in bounds], [1] * len(bounds))


def slice_places(shape: Shape, low: Sequence[int], high: Sequence[int]) -> list[int]:
    """Where the elements of the slice are."""
    bounds = _clipped(shape, low, high)
    return [] if bounds is None else _places(shape, bounds)


def _places(shape: Shape, bounds: Sequence[tuple[int, int]]) -> list[int]:
    ranges = (range(begin, end + 1) for begin, end in bounds)
    found = (place(shape, subscripts) for subscripts in product(*ranges))
    return [at or 0 for at in found]


# ---------------------------------------------------------------- assignment


def written_shape(shape: Shape, low: Sequence[int | None], high: Sequence[int | None], element: bool) -> list[int]:
    """The shape after array[low:high][...] was assigned to; for an element low and high are the same."""
    if None in low or None in high:
        raise SqlError("22004", "array subscript in assignment must not be null")
    begins, ends = [int(v or 0) for v in low], [int(v or 0) for v in high]
    if not shape[0]:
        if LEAST in begins or MOST in ends:
            problem = "When assigning to a slice of an empty array value, slice boundaries must be fully specified."
            raise SqlError("2202E", "array slice subscript must provide both boundaries", detail=problem)
        _check_order(begins, ends)
        return made([end - begin + 1 for begin, end in zip(begins, ends, strict=True)], begins)
    first, counts = lower_bounds(shape), lengths(shape)
    begins = [f if b == LEAST else b for b, f in zip(begins, first, strict=False)] + begins[len(first) :]
    ends = [f + c - 1 if e == MOST else e for e, f, c in zip(ends, first, counts, strict=False)] + ends[len(first) :]
    if len(begins) > shape[0] or (element and len(begins) != shape[0]):
        raise SqlError("2202E", "wrong number of array subscripts")
    _check_order(begins, ends)
    if shape[0] == 1:
        lowest, highest = min(first[0], begins[0]), max(first[0] + counts[0] - 1, ends[0])
        return made([highest - lowest + 1], [lowest])
    for begin, end, f, c in zip(begins, ends, first, counts, strict=False):
        if begin < f or end >= f + c:
            raise SqlError("2202E", "array subscript out of range")
    return list(shape)


def _check_order(begins: Sequence[int], ends: Sequence[int]) -> None:
    if any(begin > end for begin, end in zip(begins, ends, strict=True)):
        raise SqlError("2202E", "upper bound cannot be less than lower bound")


def written_places(
    shape: Shape, low: Sequence[int | None], high: Sequence[int | None], element: bool, given: int
) -> list[int | None]:
    """Where each element comes from after the assignment: the old array, or by negative numbers the new elements,
    of which `given` are there; None: NULL, for what lies between."""
    after = written_shape(shape, low, high, element)
    old = _places_in(after, shape) if shape[0] else []
    result: list[int | None] = [None] * prod(lengths(after))
    for source, target in enumerate(old, 1):
        result[target - 1] = source
    inside = _clipped(after, [int(v or 0) for v in low], [int(v or 0) for v in high]) or []
    targets = _places(after, inside)
    if len(targets) > given:
        raise SqlError("2202E", "source array too small")
    for source, target in enumerate(targets, 1):
        result[target - 1] = -source
    return result


def _places_in(after: Shape, shape: Shape) -> list[int]:
    """Where the elements of an array are in one that spans it."""
    bounds = [(low, low + length - 1) for low, length in zip(lower_bounds(shape), lengths(shape), strict=True)]
    return _places(after, bounds)
