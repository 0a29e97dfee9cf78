"""How a conversation goes: what is looked up, which tools are asked, what it takes, and what goes wrong."""

from collections.abc import Iterator, Sequence
from random import Random

from genai_sessions.demo.story import App, Exchange, Failure, Lookup, Message, Tool, Turn, Usage
from genai_sessions.demo.topics import Asked, Words

_SPOKEN = ("I'll look that up.", "Let me check.", "One moment.", "")
_REASONING = frozenset({"gpt-5", "o4-mini"})
_CACHED_FROM = 1024
"""Tokens from which on providers keep what they have read."""
_CALL_FAILS, _FAILS_AGAIN, _TOOL_FAILS, _GIVES_UP, _SCORES, _LUNCH = 0.045, 0.45, 0.03, 0.5, 0.6, 0.06
"""How likely each is."""


class Talk:
    def __init__(self, chance: Random, app: App, model: str, context_tokens: int) -> None:
        self._chance = chance
        self._app = app
        self._model = model
        self._context = context_tokens or chance.randint(500, 1_800)  # instructions, and what tools there are
        self._grows = context_tokens // 12
        self._history: list[Message] = []
        self._read = 0  # tokens, in the call before

    def exchanges(self, planned: Sequence[Asked], words: Words) -> Iterator[Exchange]:
        for asked in planned:
            exchange = self._exchange(asked, words)
            yield exchange
            if exchange.failure is not None and self._is(_GIVES_UP):
                return

    def _exchange(self, asked: Asked, words: Words) -> Exchange:
        question = asked.question(words)
        self._history.append(Message("user", question))
        self._context += self._grows
        lookup = self._lookup(asked.lookup(words))
        turns = tuple(self._turns(asked, words))
        score = asked.score if turns[-1].failure is None and self._is(_SCORES) else None
        return Exchange(self._chance.getrandbits(128) | 1, question, turns, lookup, score, self._pause_ms())

    def _turns(self, asked: Asked, words: Words) -> Iterator[Turn]:
        wanted = asked.tools(words)
        if len(wanted) > 0:
            yield from self._tried(self._chance.choice(_SPOKEN), tuple(self._tool(*each) for each in wanted))
        if self._history[-1].role != "user" or len(wanted) == 0:
            yield from self._tried(asked.answer(words), ())

    def _tried(self, text: str, tools: tuple[Tool, ...]) -> Iterator[Turn]:
        """Once more after a failure; sometimes that fails too."""
        if self._is(_CALL_FAILS):
            yield self._failed()
            if self._is(_FAILS_AGAIN):
                yield self._failed()
                return
        yield self._turn(text, tools)

    def _turn(self, text: str, tools: tuple[Tool, ...]) -> Turn:
        asked = tuple(self._history)
        said = len(text) // 4 + sum(8 + len(tool.arguments) // 3 for tool in tools)
        thought = self._chance.randint(64, 1_400) if self._model in _REASONING else 0
        usage = self._usage(asked, max(said, 1) + thought, thought)
        first_ms = self._chance.uniform(220, 900) + thought * 7 + usage.input_tokens / 60
        duration_ms = first_ms + usage.output_tokens * self._chance.uniform(6, 14)
        self._history.append(Message("assistant", text, tools))
        self._history += [Message("tool", tool.result, answers=tool) for tool in tools]
        id_ = f"resp_{self._chance.getrandbits(64):016x}"
        streamed = first_ms if len(text) > 0 else None
        return Turn(id_, self._model, asked, text, usage, duration_ms, streamed, tools)

    def _usage(self, asked: tuple[Message, ...], output_tokens: int, thought: int) -> Usage:
        read = self._context + sum(len(message.text) // 4 + 6 for message in asked)
        cached = self._read // 128 * 128 if self._read >= _CACHED_FROM else 0
        self._read = read
        return Usage(read, output_tokens, min(cached, read), thought)

    def _failed(self) -> Turn:
        provider = self._app.provider
        limit = f"429: rate limit reached for {self._model}, try again in 6 s"
        failures = (
            (Failure(f"{provider}.RateLimitError", limit), 240),
            (Failure(f"{provider}.APITimeoutError", "Request timed out."), 30_000),
            (Failure(f"{provider}.InternalServerError", "529: the model is overloaded"), 1_900),
        )
        failure, took_ms = self._chance.choice(failures)
        return Turn("", self._model, tuple(self._history), "", Usage(), took_ms, failure=failure)

    def _tool(self, name: str, arguments: str, result: str) -> Tool:
        id_ = f"call_{self._chance.getrandbits(48):012x}"
        if self._is(_TOOL_FAILS):
            failure = Failure("TimeoutError", f"{name} did not answer within 5 s")
            return Tool(id_, name, arguments, f"error: {failure.message}", 5_000.0, failure)
        return Tool(id_, name, arguments, result, self._chance.lognormvariate(5.4, 0.9))

    def _lookup(self, wanted: tuple[str, tuple[str, ...]] | None) -> Lookup | None:
        if wanted is None:
            return None
        query, documents = wanted
        self._history[-1] = Message("user", self._history[-1].text + "\n\nDocuments:\n" + "\n".join(documents))
        return Lookup(query, documents, len(query) // 4 + 3, self._chance.uniform(60, 180), self._chance.uniform(8, 60))

    def _is(self, likely: float) -> bool:
        return self._chance.random() < likely

    def _pause_ms(self) -> float:
        """Mostly under a minute; sometimes lunch comes between."""
        if self._is(_LUNCH):
            return self._chance.uniform(20, 150) * 60_000
        return self._chance.lognormvariate(10.3, 0.8)
