"""One client process of a measurement: `python -m bench.client PORT DIMENSIONS QUERIES_FILE SQL`.

QUERIES_FILE holds the query vectors as big-endian float32. Each line on standard input is a request in JSON,

    {"setting": SQL, "start": monotonic time, "warm_up": seconds, "seconds": seconds, "offset": first query}

and each answer a line of JSON: the nanoseconds of each query that began within the measured time.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from bench.wire import Connection, query_message, vector_parameter


def main() -> None:
    """Serve requests until standard input ends."""
    port, dimensions, queries_file, sql = sys.argv[1:]
    size = 4 * int(dimensions)
    data = Path(queries_file).read_bytes()
    messages = [query_message(vector_parameter(data[at : at + size])) for at in range(0, len(data), size)]
    connection = Connection(int(port))
    connection.prepare(sql)
    for line in sys.stdin:
        request = json.loads(line)
        connection.execute(request["setting"])
        offset = request["offset"] % len(messages)
        turn = messages[offset:] + messages[:offset]
        time.sleep(max(0.0, request["start"] - time.monotonic()))
        measure(connection, turn, request["warm_up"])
        print(json.dumps(measure(connection, turn, request["seconds"])), flush=True)
    connection.close()


def measure(connection: Connection, messages: list[bytes], seconds: float) -> list[int]:
    """Repeat the queries one after another for a time and return each one's nanoseconds."""
    latencies: list[int] = []
    clock, query = time.perf_counter_ns, connection.query
    expected = 0
    end = clock() + int(seconds * 1e9)
    while True:
        for message in messages:
            begun = clock()
            if begun >= end:
                return latencies
            answer = query(message)
            latencies.append(clock() - begun)
            if len(answer) != expected:
                connection.check(answer)
                expected = len(answer)


if __name__ == "__main__":
    main()
