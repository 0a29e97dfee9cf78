# pip install openai opentelemetry-distro opentelemetry-exporter-otlp opentelemetry-instrumentation-genai-openai
# opentelemetry-instrument python openai_app.py
from openai import OpenAI
from opentelemetry import trace

tracer = trace.get_tracer("shop")
client = OpenAI()


def answer(question: str, session_id: str, user_id: str) -> str:
    # Once per request: whatever happens inside belongs to the session.
    with tracer.start_as_current_span("answer", attributes={"session.id": session_id, "user.id": user_id}):
        messages = [{"role": "user", "content": question}]
        said = client.chat.completions.create(model="gpt-4o-mini", messages=messages)
        return said.choices[0].message.content


for question in ("How is the weather in Paris?", "And tomorrow?"):
    print(answer(question, session_id="openai-42", user_id="ada"))
