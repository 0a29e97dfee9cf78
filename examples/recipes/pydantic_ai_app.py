# pip install "pydantic-ai-slim[openai]" opentelemetry-distro opentelemetry-exporter-otlp
# opentelemetry-instrument python pydantic_ai_app.py
from opentelemetry import trace
from pydantic_ai import Agent

Agent.instrument_all()
agent = Agent("openai-chat:gpt-4o-mini", name="weather")
tracer = trace.get_tracer("shop")
history = []

for question in ("How is the weather in Paris?", "And tomorrow?"):
    with tracer.start_as_current_span("answer", attributes={"session.id": "pydantic-ai-42", "user.id": "ada"}):
        said = agent.run_sync(question, message_history=history)
        history = said.all_messages()
        print(said.output)
