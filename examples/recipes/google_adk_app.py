# pip install google-adk opentelemetry-exporter-otlp
# python google_adk_app.py
import asyncio

from google.adk.agents import Agent
from google.adk.runners import InMemoryRunner
from google.genai.types import Content, Part
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
trace.set_tracer_provider(provider)

agent = Agent(name="weather", model="gemini-2.5-flash", instruction="Answer briefly.")


async def talk() -> None:
    runner = InMemoryRunner(agent, app_name="shop")
    # ADK's own session id is the session: gen_ai.conversation.id on its spans.
    where = {"user_id": "ada", "session_id": "google-adk-42"}
    await runner.session_service.create_session(app_name="shop", **where)
    for question in ("How is the weather in Paris?", "And tomorrow?"):
        async for event in runner.run_async(**where, new_message=Content(role="user", parts=[Part(text=question)])):
            print(event.content.parts[0].text)


asyncio.run(talk())
provider.shutdown()
