# pip install langchain langchain-openai opentelemetry-distro opentelemetry-exporter-otlp openinference-instrumentation-langchain
# opentelemetry-instrument python langchain_app.py
from langchain_core.prompts import ChatPromptTemplate
from langchain_openai import ChatOpenAI

chain = ChatPromptTemplate.from_template("Answer briefly: {question}") | ChatOpenAI(model="gpt-4o-mini")

for question in ("How is the weather in Paris?", "And tomorrow?"):
    # The instrumentation reads session_id (or thread_id, as LangGraph calls it) and user_id from the metadata.
    metadata = {"session_id": "langchain-42", "user_id": "ada"}
    print(chain.invoke({"question": question}, config={"metadata": metadata}).content)
