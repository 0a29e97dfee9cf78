# pip install lmnr openai
# python laminar_app.py
import os
from urllib.parse import urlsplit

from lmnr import Laminar, observe
from openai import OpenAI

where = urlsplit(os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"])
Laminar.initialize(
    project_api_key=os.environ.get("SESSIONS_KEY", "any"),
    base_url=f"{where.scheme}://{where.hostname}",
    http_port=where.port,
    force_http=True,
)
client = OpenAI()


@observe(session_id="laminar-42", user_id="ada")
def answer(question: str) -> str:
    messages = [{"role": "user", "content": question}]
    return client.chat.completions.create(model="gpt-4o-mini", messages=messages).choices[0].message.content


for question in ("How is the weather in Paris?", "And tomorrow?"):
    print(answer(question))
Laminar.flush()
