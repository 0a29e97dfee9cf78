# pip install opentelemetry-distro opentelemetry-exporter-otlp opentelemetry-processor-baggage
# opentelemetry-instrument python python_app.py
import json
import os
import urllib.request

from opentelemetry import baggage, context, trace
from opentelemetry.processor.baggage import ALLOW_ALL_BAGGAGE_KEYS, BaggageSpanProcessor

trace.get_tracer_provider().add_span_processor(BaggageSpanProcessor(ALLOW_ALL_BAGGAGE_KEYS))
tracer = trace.get_tracer("shop")


def chat(question: str) -> str:
    """A model without an instrumentation: its span is made by hand."""
    with tracer.start_as_current_span("chat gpt-4o-mini", kind=trace.SpanKind.CLIENT) as span:
        asked = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": question}]}
        url, body = f"{os.environ['OPENAI_BASE_URL']}/chat/completions", json.dumps(asked).encode()
        headers = {"authorization": f"Bearer {os.environ['OPENAI_API_KEY']}", "content-type": "application/json"}
        with urllib.request.urlopen(urllib.request.Request(url, body, headers)) as answer:
            said = json.load(answer)
        span.set_attributes(
            {
                "gen_ai.operation.name": "chat",
                "gen_ai.provider.name": "openai",
                "gen_ai.request.model": "gpt-4o-mini",
                "gen_ai.response.model": said["model"],
                "gen_ai.response.id": said["id"],
                "gen_ai.usage.input_tokens": said["usage"]["prompt_tokens"],
                "gen_ai.usage.output_tokens": said["usage"]["completion_tokens"],
            }
        )
        return said["choices"][0]["message"]["content"]


for question in ("How is the weather in Paris?", "And tomorrow?"):
    # Once per request. Baggage reaches every span inside, and the services that are called from here.
    said = baggage.set_baggage("session.id", "python-42")
    token = context.attach(baggage.set_baggage("user.id", "ada", said))
    try:
        print(chat(question))
    finally:
        context.detach(token)
