"""inet and cidr, which DuckDB holds as bytes that sort: operators and functions over the parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ruvector_engine.errors import SqlError
from ruvector_engine.sql.functions.definition import Udf, function, operator
from ruvector_engine.sql.nodes import FunctionDef
from ruvector_engine.types.networks import (
    IPV4,
    Network,
    format_inet,
    format_with_mask,
    host_text,
    longest_zeros,
    unpack,
)

_OUT_OF_RANGE = "result is out of range"
_INT8_LIMIT = 2**63
#: The last octet of an IPv4 address within an IPv6 one is left out when the mask does not reach it.
_WITHOUT_LAST_OCTET = 120


def _contains(a: bytes, b: bytes, *, strictly: bool) -> bool:
    outer, inner = unpack(a), unpack(b)
    if outer.family != inner.family or outer.bits > inner.bits or (strictly and outer.bits == inner.bits):
        return False
    return inner.address & outer.netmask == outer.network


def _overlaps(a: bytes, b: bytes) -> bool:
    return _contains(a, b, strictly=False) or _contains(b, a, strictly=False)


def _bitwise(word: str, operation: Callable[[int, int], int]) -> Callable[[bytes, bytes], bytes]:
    def call(a: bytes, b: bytes) -> bytes:
        left, right = unpack(a), unpack(b)
        if left.family != right.family:
            raise SqlError("22023", f"cannot {word} inet values of different sizes")
        return Network(left.family, operation(left.address, right.address), max(left.bits, right.bits)).pack()

    return call


def _invert(value: bytes) -> bytes:
    network = unpack(value)
    return network._replace(address=network.address ^ ((1 << network.size) - 1)).pack()


def _plus(value: bytes, number: int) -> bytes:
    network = unpack(value)
    address = network.address + number
    if not 0 <= address < 1 << network.size:
        raise SqlError("22003", _OUT_OF_RANGE)
    return network._replace(address=address).pack()


def _difference(a: bytes, b: bytes) -> int:
    left, right = unpack(a), unpack(b)
    if left.family != right.family:
        raise SqlError("22023", "cannot subtract inet values of different sizes")
    result = left.address - right.address
    if not -_INT8_LIMIT <= result < _INT8_LIMIT:
        raise SqlError("22003", _OUT_OF_RANGE)
    return result


def _broadcast(value: bytes) -> bytes:
    network = unpack(value)
    return network._replace(address=network.network | ((1 << network.size) - 1) ^ network.netmask).pack()


def _network(value: bytes) -> bytes:
    network = unpack(value)
    return network._replace(address=network.network).pack()


def _netmask(value: bytes) -> bytes:
    network = unpack(value)
    return Network(network.family, network.netmask, network.size).pack()


def _hostmask(value: bytes) -> bytes:
    network = unpack(value)
    return Network(network.family, ((1 << network.size) - 1) ^ network.netmask, network.size).pack()


def _set_masklen(value: bytes, bits: int, *, is_network: bool) -> bytes:
    network = unpack(value)
    if not -1 <= bits <= network.size:
        raise SqlError("22023", f"invalid mask length: {bits}")
    changed = network._replace(bits=network.size if bits == -1 else bits)
    return (changed._replace(address=changed.network) if is_network else changed).pack()


def _merge(a: bytes, b: bytes) -> bytes:
    left, right = unpack(a), unpack(b)
    if left.family != right.family:
        raise SqlError("22023", "cannot merge addresses from different families")
    bits = min(left.bits, right.bits, left.size - (left.address ^ right.address).bit_length())
    merged = left._replace(bits=bits)
    return merged._replace(address=merged.network).pack()


def _abbreviated_cidr(value: bytes) -> str:
    """Of an IPv4 network the octets that the mask covers, of an IPv6 one the groups."""
    network = unpack(value)
    if network.family == IPV4:
        octets = network.address.to_bytes(4, "big")[: (network.bits + 7) // 8] or b"\0"
        return f"{'.'.join(map(str, octets))}/{network.bits}"
    return f"{_abbreviated_ipv6(network)}/{network.bits}"


def _abbreviated_ipv6(network: Network) -> str:
    """The groups that the mask covers, two at least, the longest run of zeros left out (inet_cidr_ntop_ipv6)."""
    if network.bits == 0:
        return "::"
    groups = [network.address >> shift & 0xFFFF for shift in range(112, -16, -16)][: max((network.bits + 15) // 16, 2)]
    start, length = longest_zeros(groups)
    if start == 0 and length < len(groups) and (length == 6 or (length == 5 and groups[5] == 0xFFFF)):
        text = host_text(network)
        return text if network.bits > _WITHOUT_LAST_OCTET else text.rpartition(".")[0]
    if length == 0:
        return ":".join(f"{group:x}" for group in groups)
    before = ":".join(f"{group:x}" for group in groups[:start])
    after = "".join(f":{group:x}" for group in groups[start + length :])
    return f"{before}:{after or ':'}"


def _operators() -> Iterator[FunctionDef]:
    yield operator("<<", "inet,inet", "bool", "rv_inet_within({1}, {0})")
    yield operator("<<=", "inet,inet", "bool", "rv_inet_within_or_equal({1}, {0})")
    yield operator(">>", "inet,inet", "bool", "rv_inet_within({0}, {1})")
    yield operator(">>=", "inet,inet", "bool", "rv_inet_within_or_equal({0}, {1})")
    yield operator("&&", "inet,inet", "bool", "rv_inet_overlaps({0}, {1})")
    yield operator("&", "inet,inet", "inet", "rv_inet_and({0}, {1})")
    yield operator("|", "inet,inet", "inet", "rv_inet_or({0}, {1})")
    yield operator("~", "inet", "inet", "rv_inet_not({0})")
    yield operator("+", "inet,int8", "inet", "rv_inet_plus({0}, CAST({1} AS HUGEINT))")
    yield operator("+", "int8,inet", "inet", "rv_inet_plus({1}, CAST({0} AS HUGEINT))")
    yield operator("-", "inet,int8", "inet", "rv_inet_plus({0}, - CAST({1} AS HUGEINT))")
    yield operator("-", "inet,inet", "int8", "rv_inet_minus({0}, {1})")


def _functions() -> Iterator[FunctionDef]:
    yield function("abbrev", "inet", "text", "rv_inet_out({0})")
    yield function("abbrev", "cidr", "text", "rv_cidr_abbrev({0})")
    yield function("broadcast", "inet", "inet", "rv_inet_broadcast({0})")
    yield function("family", "inet", "int4", "rv_inet_family({0})")
    yield function("host", "inet", "text", "rv_inet_host({0})")
    yield function("hostmask", "inet", "inet", "rv_inet_hostmask({0})")
    yield function("masklen", "inet", "int4", "rv_inet_masklen({0})")
    yield function("netmask", "inet", "inet", "rv_inet_netmask({0})")
    yield function("network", "inet", "cidr", "rv_inet_network({0})")
    yield function("set_masklen", "inet,int4", "inet", "rv_inet_set_masklen({0}, {1})")
    yield function("set_masklen", "cidr,int4", "cidr", "rv_cidr_set_masklen({0}, {1})")
    yield function("text", "inet", "text", "rv_cidr_out({0})")
    yield function("inet_same_family", "inet,inet", "bool", "(rv_inet_family({0}) = rv_inet_family({1}))")
    yield function("inet_merge", "inet,inet", "cidr", "rv_inet_merge({0}, {1})")


OPERATORS: tuple[FunctionDef, ...] = tuple(_operators())
FUNCTIONS: tuple[FunctionDef, ...] = tuple(_functions())

_BYTES, _TEXT, _INT, _BOOL = "BLOB", "VARCHAR", "INTEGER", "BOOLEAN"
_TWO = (_BYTES, _BYTES)
UDFS: tuple[Udf, ...] = (
    Udf("rv_inet_out", format_inet, (_BYTES,), _TEXT),
    Udf("rv_cidr_out", format_with_mask, (_BYTES,), _TEXT),
    Udf("rv_cidr_abbrev", _abbreviated_cidr, (_BYTES,), _TEXT),
    Udf("rv_inet_host", lambda value: host_text(unpack(value)), (_BYTES,), _TEXT),
    Udf("rv_inet_within", lambda a, b: _contains(a, b, strictly=True), _TWO, _BOOL),
    Udf("rv_inet_within_or_equal", lambda a, b: _contains(a, b, strictly=False), _TWO, _BOOL),
    Udf("rv_inet_overlaps", _overlaps, _TWO, _BOOL),
    Udf("rv_inet_and", _bitwise("AND", lambda a, b: a & b), _TWO, _BYTES),
    Udf("rv_inet_or", _bitwise("OR", lambda a, b: a | b), _TWO, _BYTES),
    Udf("rv_inet_not", _invert, (_BYTES,), _BYTES),
    Udf("rv_inet_plus", _plus, (_BYTES, "HUGEINT"), _BYTES),
    Udf("rv_inet_minus", _difference, _TWO, "BIGINT"),
    Udf("rv_inet_merge", _merge, _TWO, _BYTES),
    Udf("rv_inet_broadcast", _broadcast, (_BYTES,), _BYTES),
    Udf("rv_inet_network", _network, (_BYTES,), _BYTES),
    Udf("rv_inet_netmask", _netmask, (_BYTES,), _BYTES),
    Udf("rv_inet_hostmask", _hostmask, (_BYTES,), _BYTES),
    Udf("rv_inet_family", lambda value: 4 if value[0] == IPV4 else 6, (_BYTES,), _INT),
    Udf("rv_inet_masklen", lambda value: unpack(value).bits, (_BYTES,), _INT),
    Udf("rv_inet_set_masklen", lambda value, bits: _set_masklen(value, bits, is_network=False), (_BYTES, _INT), _BYTES),
    Udf("rv_cidr_set_masklen", lambda value, bits: _set_masklen(value, bits, is_network=True), (_BYTES, _INT), _BYTES),
)
