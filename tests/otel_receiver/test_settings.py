"""Settings that refuse what would be a hole, and TLS."""

import shutil
import ssl
import subprocess
from pathlib import Path

import grpc
import httpx
import pytest

from clickhouse.projects import is_loopback, without_file
from otel_receiver.settings import ReceiverSettings, Tls, refuse_open_bind
from tests.otel_receiver.doors import TRACES, open_doors
from tests.otel_receiver.requests import span, traces
from tests.otel_receiver.test_both_doors import shop_and_lab

GOOD = traces(span(1)).SerializeToString()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "[::1]", "localhost"])
def test_loopback_is_loopback(host: str) -> None:
    """However it is written."""
    assert is_loopback(host)
    refuse_open_bind(host, without_file())


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.5", "example.com", "", "localhost.evil.com"])
def test_a_wide_bind_without_keys_is_refused(host: str) -> None:
    """R9: it would let anybody in; with keys it is fine."""
    with pytest.raises(ValueError, match="would let anybody in"):
        refuse_open_bind(host, without_file())
    refuse_open_bind(host, shop_and_lab())


def test_a_budget_below_two_bodies_is_refused() -> None:
    """With two projects each may use half of it, and one body has to fit into that."""
    with pytest.raises(ValueError, match="max_bytes_in_flight"):
        ReceiverSettings(max_body_bytes=100, max_bytes_in_flight=199)


def test_the_doors_listen_on_ipv6_too() -> None:
    """Loopback of the other kind."""
    with open_doors(ReceiverSettings(host="::1", grpc_port=0, http_port=0)) as doors:
        answer = httpx.get(f"http://[::1]:{doors.http_port}/healthz", trust_env=False)
        assert answer.status_code == 200
        with grpc.insecure_channel(f"[::1]:{doors.grpc_port}") as channel:
            assert channel.unary_unary(TRACES, None, None)(GOOD, timeout=5) == b""


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for localhost, signed by itself: server's, client's and authority's in one."""
    if shutil.which("openssl") is None:
        pytest.skip("needs the openssl command to make a certificate")
    folder = tmp_path_factory.mktemp("tls")
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", f"{folder}/key.pem"]
    command = ["openssl", "req", "-x509", "-days", "2", *key, "-out", f"{folder}/cert.pem", *names]
    subprocess.run(command, check=True, capture_output=True)
    return folder


def _client_context(folder: Path, *, own: bool) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(folder / "cert.pem"))
    if own:
        context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context


def _post(folder: Path, port: int, *, own: bool) -> int:
    with httpx.Client(verify=_client_context(folder, own=own), trust_env=False) as client:
        headers = {"content-type": "application/x-protobuf"}
        return client.post(f"https://localhost:{port}/v1/traces", content=GOOD, headers=headers).status_code


def _call(folder: Path, port: int, *, own: bool) -> bytes:
    authority = (folder / "cert.pem").read_bytes()
    pair = ((folder / "key.pem").read_bytes(), authority) if own else (None, None)
    with grpc.secure_channel(f"localhost:{port}", grpc.ssl_channel_credentials(authority, *pair)) as channel:
        answer: bytes = channel.unary_unary(TRACES, None, None)(GOOD, timeout=5)
        return answer


def test_both_doors_speak_tls(certificates: Path) -> None:
    """And nothing else on the same port."""
    tls = Tls(certificates / "cert.pem", certificates / "key.pem")
    with open_doors(ReceiverSettings(grpc_port=0, http_port=0, tls=tls)) as doors:
        assert _post(certificates, doors.http_port, own=False) == 200
        assert _call(certificates, doors.grpc_port, own=False) == b""
        with pytest.raises(httpx.HTTPError):
            doors.post(GOOD)
        with pytest.raises(grpc.RpcError):
            doors.call(GOOD, timeout=2)
        assert len(doors.writer.batches) == 2


def test_with_an_authority_clients_must_show_a_certificate(certificates: Path) -> None:
    """mTLS: without one the connection ends before any request."""
    tls = Tls(certificates / "cert.pem", certificates / "key.pem", certificates / "cert.pem")
    with open_doors(ReceiverSettings(grpc_port=0, http_port=0, tls=tls)) as doors:
        assert _post(certificates, doors.http_port, own=True) == 200
        assert _call(certificates, doors.grpc_port, own=True) == b""
        with pytest.raises((httpx.HTTPError, ssl.SSLError)):
            _post(certificates, doors.http_port, own=False)
        with pytest.raises(grpc.RpcError):
            _call(certificates, doors.grpc_port, own=False)
        assert len(doors.writer.batches) == 2


def test_a_missing_certificate_is_found_at_the_start(tmp_path: Path) -> None:
    """Not at the first connection."""
    tls = Tls(tmp_path / "none.pem", tmp_path / "none.pem")
    settings = ReceiverSettings(grpc_port=0, http_port=0, tls=tls)
    with pytest.raises(FileNotFoundError), open_doors(settings):
        pass
