"""The apps of the demo and what is talked about in them, as `topics.toml` tells it."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import Template
from typing import Any

import orjson

from genai_sessions.demo.story import App, Score

Words = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Asked:
    """An exchange before anything is filled in."""

    raw: Mapping[str, Any]

    def question(self, words: Words) -> str:
        return _filled(self.raw["asked"], words)

    def answer(self, words: Words) -> str:
        return _filled(self.raw["answered"], words)

    def tools(self, words: Words) -> list[tuple[str, str, str]]:
        """Name, arguments as JSON, result."""
        return [
            (tool["name"], _filled(orjson.dumps(tool["arguments"]).decode(), words), _filled(tool["result"], words))
            for tool in self.raw.get("tools", [])
        ]

    def lookup(self, words: Words) -> tuple[str, tuple[str, ...]] | None:
        raw = self.raw.get("lookup")
        if raw is None:
            return None
        return _filled(raw["query"], words), tuple(_filled(text, words) for text in raw["documents"])

    @property
    def score(self) -> Score | None:
        return Score(**self.raw["score"]) if "score" in self.raw else None


@dataclass(frozen=True, slots=True)
class Topic:
    app: App
    fill: Mapping[str, tuple[str, ...]]
    exchanges: tuple[Asked, ...]


@cache
def topics() -> tuple[Topic, ...]:
    raw = tomllib.loads((Path(__file__).parent / "topics.toml").read_text(encoding="utf-8"))
    apps = {each["name"]: App(**{name: _frozen(value) for name, value in each.items()}) for each in raw["apps"]}
    return tuple(
        Topic(
            apps[each["app"]],
            {name: tuple(words) for name, words in each["fill"].items()},
            tuple(map(Asked, each["exchanges"])),
        )
        for each in raw["topics"]
    )


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _filled(text: str, words: Words) -> str:
    return Template(text).substitute(words)
