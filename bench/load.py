"""How fast is it answered? A few keep-alive connections, each with one request in flight."""

import socket
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from statistics import quantiles

CONNECTIONS = 4


@dataclass(frozen=True)
class Cell:
    """One measurement: throughput and latencies."""

    per_second: float
    median_ms: float
    p99_ms: float


def drive(port: int, requests: Sequence[bytes]) -> Cell:
    """Send every request once. Raises RuntimeError if one is not answered by 200."""
    shares = [requests[start::CONNECTIONS] for start in range(CONNECTIONS)]
    began = time.perf_counter()
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        lists = list(pool.map(lambda share: _send(port, share), shares))
    took = time.perf_counter() - began
    cuts = quantiles([one for times in lists for one in times], n=100)
    return Cell(len(requests) / took, cuts[49] * 1000, cuts[98] * 1000)


def _send(port: int, requests: Sequence[bytes]) -> list[float]:
    times = []
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for request in requests:
            began = time.perf_counter()
            connection.sendall(request)
            answer = connection.recv(65536)
            times.append(time.perf_counter() - began)
            if not answer.startswith(b"HTTP/1.1 200 ") or not answer.endswith(b"\r\n\r\n"):
                raise RuntimeError(f"answered: {answer[:300]!r}")
    return times
