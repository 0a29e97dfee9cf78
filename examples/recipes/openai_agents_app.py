# pip install openai-agents openinference-instrumentation-openai-agents opentelemetry-distro opentelemetry-exporter-otlp
# opentelemetry-instrument python openai_agents_app.py
from agents import Agent, Runner
from openinference.instrumentation import using_attributes

agent = Agent(name="weather", model="gpt-4o-mini", instructions="Answer briefly.")

for question in ("How is the weather in Paris?", "And tomorrow?"):
    with using_attributes(session_id="openai-agents-42", user_id="ada"):
        print(Runner.run_sync(agent, question).final_output)
