# pip install litellm opentelemetry-distro opentelemetry-exporter-otlp
# USE_OTEL_LITELLM_REQUEST_SPAN=true opentelemetry-instrument python litellm_app.py
import litellm
from opentelemetry import trace

litellm.callbacks = ["otel"]
tracer = trace.get_tracer("shop")

for question in ("How is the weather in Paris?", "And tomorrow?"):
    # LiteLLM's own spans carry no session: the request's span says it for them.
    with tracer.start_as_current_span("answer", attributes={"session.id": "litellm-42", "user.id": "ada"}):
        messages = [{"role": "user", "content": question}]
        said = litellm.completion(model="openai/gpt-4o-mini", messages=messages)
        print(said.choices[0].message.content)
