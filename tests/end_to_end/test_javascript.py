"""The exporters of OpenTelemetry's JavaScript SDK, unmodified, from their registry, against a running product."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.end_to_end.product import environment, eventually, running_up

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("npm") is None or shutil.which("node") is None, reason="there is no Node here"),
]
EXPORTERS = {
    "grpc": "@opentelemetry/exporter-trace-otlp-grpc",
    "proto": "@opentelemetry/exporter-trace-otlp-proto",
    "http": "@opentelemetry/exporter-trace-otlp-http",  # JSON
}
_PACKAGES = {"@opentelemetry/sdk-trace-base": "^2.0.0"} | dict.fromkeys(EXPORTERS.values(), ">=0.200.0 <1.0.0")
_APP = """
const { BasicTracerProvider, BatchSpanProcessor } = require("@opentelemetry/sdk-trace-base");
const { OTLPTraceExporter } = require(process.argv[2]);
const provider = new BasicTracerProvider({ spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())] });
const tracer = provider.getTracer("tests");
for (let turn = 0; turn < 3; turn++) {
  const span = tracer.startSpan("chat gpt-4o", { attributes: {
    "session.id": process.argv[3], "user.id": "grace", "gen_ai.operation.name": "chat",
    "gen_ai.request.model": "gpt-4o", "gen_ai.usage.input_tokens": 100 + turn, "gen_ai.usage.output_tokens": 10,
    "gen_ai.response.finish_reasons": ["stop"],
  } });
  if (turn === 2) span.setStatus({ code: 2, message: "refused" });
  span.end();
}
provider.shutdown().catch((error) => { console.error(error); process.exit(1); });
"""


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Installed into a folder of its own."""
    folder = tmp_path_factory.mktemp("javascript")
    (folder / "package.json").write_text(json.dumps({"private": True, "dependencies": _PACKAGES}))
    (folder / "app.js").write_text(_APP)
    npm = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
    installed = subprocess.run(npm, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    if installed.returncode != 0:
        pytest.skip(f"npm could not install the exporters: {installed.stderr.strip()[-300:]}")
    return folder


def test_every_exporter_of_the_javascript_sdk_makes_its_session(app: Path, tmp_path: Path) -> None:
    """Set up by the standard variable alone: gRPC, protobuf and JSON."""
    with running_up(tmp_path / "data") as product:
        for name, package in EXPORTERS.items():
            port = product.ports.grpc if name == "grpc" else product.ports.http
            told = subprocess.run(
                ["node", "app.js", package, f"js-{name}"],
                cwd=app,
                env=environment(OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{port}"),
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            assert (told.returncode, told.stderr) == (0, "")
        eventually(lambda: set(product.sessions()) == {f"js-{name}" for name in EXPORTERS})
        for session in product.sessions().values():
            numbers = (session["turns"], session["errors"], session["input_tokens"], session["output_tokens"])
            assert numbers == (3, 1, 303, 30)
            assert (session["user_id"], session["models"], session["status"]) == ("grace", ["gpt-4o"], "error")
        assert product.stop() == 0
