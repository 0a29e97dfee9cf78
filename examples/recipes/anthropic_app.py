# pip install anthropic opentelemetry-distro opentelemetry-exporter-otlp
# opentelemetry-instrument python anthropic_app.py
from anthropic import Anthropic
from opentelemetry import trace

tracer = trace.get_tracer("shop")
client = Anthropic()  # since version 2 the SDK makes its own spans


def answer(question: str, session_id: str, user_id: str) -> str:
    with tracer.start_as_current_span("answer", attributes={"session.id": session_id, "user.id": user_id}):
        messages = [{"role": "user", "content": question}]
        said = client.messages.create(model="claude-sonnet-4-6", max_tokens=500, messages=messages)
        return said.content[0].text


for question in ("How is the weather in Paris?", "And tomorrow?"):
    print(answer(question, session_id="anthropic-42", user_id="ada"))
