# pip install llama-index-core llama-index-llms-openai openinference-instrumentation-llama-index opentelemetry-distro opentelemetry-exporter-otlp
# opentelemetry-instrument python llamaindex_app.py
from llama_index.core.llms import ChatMessage
from llama_index.llms.openai import OpenAI
from openinference.instrumentation import using_attributes
from openinference.instrumentation.llama_index import LlamaIndexInstrumentor

LlamaIndexInstrumentor().instrument()  # said here, because starting it from outside had no effect with these versions
llm = OpenAI(model="gpt-4o-mini")

for question in ("How is the weather in Paris?", "And tomorrow?"):
    with using_attributes(session_id="llamaindex-42", user_id="ada"):
        print(llm.chat([ChatMessage(role="user", content=question)]).message.content)
