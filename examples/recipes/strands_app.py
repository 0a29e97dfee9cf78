# pip install "strands-agents[openai,otel]"
# python strands_app.py
from strands import Agent
from strands.models.openai import OpenAIModel
from strands.telemetry import StrandsTelemetry

telemetry = StrandsTelemetry().setup_otlp_exporter()
# What is said here is on every span of the agent.
session = {"session.id": "strands-42", "user.id": "ada"}
agent = Agent(model=OpenAIModel(model_id="gpt-4o-mini"), trace_attributes=session, callback_handler=None)

for question in ("How is the weather in Paris?", "And tomorrow?"):
    print(agent(question))
telemetry.tracer_provider.force_flush()
