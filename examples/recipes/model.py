"""A stand-in for the model APIs of OpenAI, Anthropic and Google, for trying recipes without a key: it answers every
question alike, and counts what it has answered. `python model.py 9999` serves it alone."""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

INPUT_TOKENS, OUTPUT_TOKENS = 100, 10
ANSWER = "It is rainy and 14C in Paris."


class Model(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Answering)
        self.calls = 0

    def serve(self) -> str:
        """In the background; its address."""
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{self.server_port}"


class _Answering(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Model

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._send(b"", "application/json")

    def do_GET(self) -> None:
        self._send(b"{}", "application/json")

    def do_POST(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        asked: dict[str, Any] = json.loads(self.rfile.read(length) or b"{}")
        path = self.path.partition("?")[0]
        if path.endswith("/count_tokens"):
            self._send(json.dumps({"input_tokens": INPUT_TOKENS}).encode(), "application/json")
            return
        kind = next((kind for kind in _ANSWERS if kind in path), None)
        if kind is None:
            self.send_error(404)
            return
        self.server.calls += 1
        number = self.server.calls
        whole, events = _ANSWERS[kind]
        if asked.get("stream") or "streamGenerate" in path:
            self._send(_lines(events(number, asked), named=kind != "/chat/completions"), "text/event-stream")
        else:
            self._send(json.dumps(whole(number, asked)).encode(), "application/json")

    def _send(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _lines(events: list[dict[str, Any]], *, named: bool) -> bytes:
    text = ""
    for event in events:
        text += f"event: {event['type']}\n" if named and "type" in event else ""
        text += f"data: {json.dumps(event)}\n\n"
    return (text if named else f"{text}data: [DONE]\n\n").encode()


def _chat(number: int, asked: dict[str, Any]) -> dict[str, Any]:
    message = {"role": "assistant", "content": ANSWER}
    return {
        "id": f"chatcmpl-{number}",
        "object": "chat.completion",
        "created": 1_790_000_000,
        "model": asked["model"],
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": _openai_usage(),
    }


def _chat_events(number: int, asked: dict[str, Any]) -> list[dict[str, Any]]:
    whole = _chat(number, asked)
    chunk = {**whole, "object": "chat.completion.chunk", "usage": None}
    said = [{"index": 0, "delta": {"role": "assistant", "content": ANSWER}, "finish_reason": None}]
    end = [{"index": 0, "delta": {}, "finish_reason": "stop"}]
    return [{**chunk, "choices": said}, {**chunk, "choices": end}, {**chunk, "choices": [], "usage": whole["usage"]}]


def _openai_usage() -> dict[str, int]:
    total = INPUT_TOKENS + OUTPUT_TOKENS
    return {"prompt_tokens": INPUT_TOKENS, "completion_tokens": OUTPUT_TOKENS, "total_tokens": total}


def _response(number: int, asked: dict[str, Any]) -> dict[str, Any]:
    text = {"type": "output_text", "text": ANSWER, "annotations": []}
    message = {"type": "message", "id": f"msg_{number}", "status": "completed", "role": "assistant", "content": [text]}
    usage = {
        "input_tokens": INPUT_TOKENS,
        "output_tokens": OUTPUT_TOKENS,
        "total_tokens": INPUT_TOKENS + OUTPUT_TOKENS,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens_details": {"reasoning_tokens": 0},
    }
    return {
        "id": f"resp_{number}",
        "object": "response",
        "created_at": 1_790_000_000,
        "model": asked["model"],
        "status": "completed",
        "output": [message],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": usage,
    }


def _response_events(number: int, asked: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"type": "response.completed", "sequence_number": 0, "response": _response(number, asked)}]


def _message(number: int, asked: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": f"msg_{number}",
        "type": "message",
        "role": "assistant",
        "model": asked["model"],
        "content": [{"type": "text", "text": ANSWER}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": INPUT_TOKENS, "output_tokens": OUTPUT_TOKENS},
    }


def _message_events(number: int, asked: dict[str, Any]) -> list[dict[str, Any]]:
    whole = _message(number, asked)
    start = {**whole, "content": [], "stop_reason": None, "usage": {**whole["usage"], "output_tokens": 1}}
    end = {"stop_reason": "end_turn", "stop_sequence": None}
    return [
        {"type": "message_start", "message": start},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": ANSWER}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": end, "usage": {"output_tokens": OUTPUT_TOKENS}},
        {"type": "message_stop"},
    ]


def _generated(number: int, _: dict[str, Any]) -> dict[str, Any]:
    candidate = {"content": {"role": "model", "parts": [{"text": ANSWER}]}, "finishReason": "STOP", "index": 0}
    usage = {
        "promptTokenCount": INPUT_TOKENS,
        "candidatesTokenCount": OUTPUT_TOKENS,
        "totalTokenCount": INPUT_TOKENS + OUTPUT_TOKENS,
    }
    named = {"modelVersion": "gemini-2.5-flash", "responseId": f"gen-{number}"}
    return {"candidates": [candidate], "usageMetadata": usage, **named}


def _generated_events(number: int, asked: dict[str, Any]) -> list[dict[str, Any]]:
    return [_generated(number, asked)]


_ANSWERS = {
    "/chat/completions": (_chat, _chat_events),
    "/responses": (_response, _response_events),
    "/messages": (_message, _message_events),
    ":generateContent": (_generated, _generated_events),
    ":streamGenerateContent": (_generated, _generated_events),
}

if __name__ == "__main__":
    server = Model(int(sys.argv[1]))
    server.serve_forever()
