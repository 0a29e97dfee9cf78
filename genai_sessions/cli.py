"""The command line: a contract. What it refuses, it refuses with one sentence and a non-zero exit."""

import argparse
import logging
import sys
from collections.abc import Callable, Sequence
from importlib import import_module

from clickhouse.errors import DatabaseError
from clickhouse.projects import BadProjects
from genai_sessions.arguments import parser
from genai_sessions.database import required_database
from genai_sessions.service import end_with_parent, stop_on_signal
from genai_sessions.settings import Settings, SettingsRefused, known_projects, read_settings

COULD_NOT = 1


def main(arguments: Sequence[str] | None = None) -> int:
    flags = parser().parse_args(arguments)
    end_with_parent()
    _set_up_logging(verbose=flags.verbose)
    try:
        return _command(flags.command)(read_settings(flags), flags)
    except (DatabaseError, SettingsRefused, BadProjects) as refusal:
        print(f"genai-sessions: {refusal}", file=sys.stderr)
        return COULD_NOT
    except KeyboardInterrupt:
        return 0


def _command(name: str) -> Callable[[Settings, argparse.Namespace], int]:
    module, _, function = name.partition(":")
    command: Callable[[Settings, argparse.Namespace], int] = getattr(
        import_module(f"genai_sessions.{module}"), function
    )
    return command


def _set_up_logging(*, verbose: bool) -> None:
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
        stream=sys.stderr,
    )
    # They tell every retry of a connection at length; we say once what it means.
    for chatty in ("clickhouse_connect", "urllib3"):
        logging.getLogger(chatty).setLevel(logging.CRITICAL)


def up(settings: Settings, _: argparse.Namespace) -> int:
    from genai_sessions.up import up  # noqa: PLC0415 - servers are imported by those who serve

    return up(settings, known_projects(settings), stop_on_signal())


def receiver(settings: Settings, _: argparse.Namespace) -> int:
    from genai_sessions.receiver_service import receive  # noqa: PLC0415

    return receive(settings, known_projects(settings))


def api(settings: Settings, _: argparse.Namespace) -> int:
    from genai_sessions.api_service import serve_api  # noqa: PLC0415

    return serve_api(settings, known_projects(settings))


def rollup(settings: Settings, _: argparse.Namespace) -> int:
    from genai_sessions.rollup_service import roll_up  # noqa: PLC0415

    roll_up(required_database(settings), known_projects(settings), stop_on_signal())
    return 0
