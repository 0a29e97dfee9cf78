# pip install crewai litellm openinference-instrumentation-crewai openinference-instrumentation-openai opentelemetry-distro opentelemetry-exporter-otlp
# opentelemetry-instrument python crewai_app.py
from crewai import Agent, Crew, Task
from openinference.instrumentation import using_attributes

forecaster = Agent(role="forecaster", goal="say the weather", backstory="has a barometer", llm="openai/gpt-4o-mini")

for question in ("How is the weather in Paris?", "And tomorrow?"):
    task = Task(description=question, expected_output="one sentence", agent=forecaster)
    with using_attributes(session_id="crewai-42", user_id="ada"):
        print(Crew(agents=[forecaster], tasks=[task]).kickoff().raw)
