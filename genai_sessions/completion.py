"""`genai-sessions completion SHELL`: what a shell needs to finish our words, from the very parser that reads them."""

import argparse
from argparse import Namespace
from collections.abc import Iterator

import shtab

from genai_sessions.arguments import parser
from genai_sessions.settings import Settings

PATHS = {"DIR": shtab.DIRECTORY, "FILE": shtab.FILE}
"""By how a flag calls its value."""


def completion(_: Settings, flags: Namespace) -> int:
    ours = parser()
    for action in _actions(ours):
        if action.metavar in PATHS:
            action.complete = PATHS[str(action.metavar)]  # type: ignore[attr-defined]
    print(shtab.complete(ours, flags.shell))
    return 0


def _actions(of: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    for action in of._actions:  # noqa: SLF001 - argparse has no other way to ask
        yield action
        if isinstance(action.choices, dict):
            for command in action.choices.values():
                yield from _actions(command)
