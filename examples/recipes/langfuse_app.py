# pip install langfuse openai
# LANGFUSE_BASE_URL=http://127.0.0.1:4318 LANGFUSE_PUBLIC_KEY=any LANGFUSE_SECRET_KEY=gs_your_key python langfuse_app.py
from langfuse import get_client, observe, propagate_attributes
from langfuse.openai import OpenAI

client = OpenAI()


@observe()
def answer(question: str) -> str:
    with propagate_attributes(session_id="langfuse-42", user_id="ada"):
        messages = [{"role": "user", "content": question}]
        return client.chat.completions.create(model="gpt-4o-mini", messages=messages).choices[0].message.content


for question in ("How is the weather in Paris?", "And tomorrow?"):
    print(answer(question))
get_client().flush()
