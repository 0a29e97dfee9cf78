"""Everything about the doors that can be set. Only entry points read the environment, and make these from it."""

from dataclasses import dataclass
from pathlib import Path

from clickhouse.projects import Projects, is_loopback


@dataclass(frozen=True, slots=True)
class Tls:
    certificate: Path
    key: Path
    client_ca: Path | None = None  # given: clients must show a certificate signed by it (mTLS)


@dataclass(frozen=True, slots=True)
class ReceiverSettings:
    host: str = "127.0.0.1"
    grpc_port: int = 4317  # 0 takes a free one
    http_port: int = 4318
    tls: Tls | None = None
    share_ports: bool = False  # several receivers on one port, as --workers does
    host_names: tuple[str, ...] = ()  # further names that requests to a loopback bind may use
    max_body_bytes: int = 64 << 20  # of one request after decompression, as OTLP recommends
    max_bytes_in_flight: int = 256 << 20  # of all requests, from reading until stored; four of the largest
    hold_s: float = 1.5  # how long a request waits for room before it is refused; clients give up after 5
    body_deadline_s: float = 30.0  # for all of a body: 64 MiB at 17 Mbit/s
    head_deadline_s: float = 10.0  # for a request's line and headers
    drain_s: float = 8.0  # for requests in flight when stopping; the whole product stops within 10

    def __post_init__(self) -> None:
        if self.max_bytes_in_flight < 2 * self.max_body_bytes:
            raise ValueError("max_bytes_in_flight must hold two of the largest bodies, or none would ever fit")


def bytes_in_flight(memory_bytes: int) -> int:
    """A quarter of what there is: as rows bodies take as much again, and what reads the largest a hundred MiB. At least
    two of the largest; at most thirty-two, of which sixteen are read over gRPC at a time."""
    return min(max(memory_bytes // 4, 128 << 20), 2 << 30)


def refuse_open_bind(host: str, projects: Projects) -> None:
    """Without keys the doors are open to whoever reaches them, so only this machine may."""
    if projects.open and not is_loopback(host):
        raise ValueError(
            f"binding to {host} without a projects file would let anybody in; give --projects, or bind to 127.0.0.1"
        )
