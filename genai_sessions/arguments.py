"""What can be typed behind `genai-sessions`. Each command names the function that does it, which is imported when it is
asked for: nobody waits for servers to load who only wants a key."""

import argparse
import shutil
from importlib.metadata import PackageNotFoundError, version
from typing import Any

Parser = argparse.ArgumentParser


def parser() -> Parser:
    made = Parser(
        prog="genai-sessions",
        formatter_class=_Wide,
        description="Sessions from OpenTelemetry: receives GenAI spans over OTLP, keeps them in ClickHouse, and serves "
        "what every conversation cost, how long it took, what failed and what was said.",
        epilog="To begin: `genai-sessions up`, then `genai-sessions demo` in another terminal. Settings may also come "
        "from the environment (GENAI_SESSIONS_DATA_DIR and so on); flags win.",
    )
    made.add_argument("--version", action="version", version=f"%(prog)s {installed_version()}")
    commands = made.add_subparsers(title="commands", required=True, metavar="COMMAND")
    shared, ports = _shared_flags(), _port_flags()
    _add(commands, "up", "Start everything: ClickHouse, receiver, rollup, API and pages.", "cli:up", shared, ports)
    _add_demo(commands)
    _add(commands, "doctor", "Look at everything, and say what to do.", "doctor:doctor", shared, ports)
    for add in (_add_services, _add_keys, _add_grafana, _add_import, _add_backup, _add_schema, _add_reprice):
        add(commands)
    for add in (_add_dead_letter, _add_bench, _add_completion):
        add(commands)
    return made


class _Wide(argparse.HelpFormatter):
    """Names in one column, what they mean in the other, on as much of the terminal as reads well."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=28, width=min(shutil.get_terminal_size().columns, 110))
        self._action_max_length = 15  # the longest command; argparse forgets how far commands are indented


def installed_version() -> str:
    try:
        return version("genai-sessions")
    except PackageNotFoundError:
        return "from a source folder"


def _add(commands: Any, name: str, about: str, command: str, *flags: Parser) -> Parser:
    """`command` is module:function, within this package."""
    added: Parser = commands.add_parser(name, help=about, description=about, parents=flags, formatter_class=_Wide)
    added.set_defaults(command=command)
    return added


def _add_services(commands: Any) -> None:
    shared, ports = _shared_flags(), _port_flags()
    about = "Receive OTLP on its own; it takes data even while the database is away."
    _add(commands, "receiver", about, "cli:receiver", shared, ports)
    _add(commands, "api", "Serve the API and the pages on their own.", "cli:api", shared, ports)
    _add(commands, "rollup", "Keep sessions up to date on its own.", "cli:rollup", shared)


def _add_schema(commands: Any) -> None:
    shared = _shared_flags()
    migrate = _add(commands, "migrate", "Bring the database's schema up to date.", "schema_commands:migrate", shared)
    migrate.add_argument("--dry-run", action="store_true", help="print what would be done, and do nothing")
    about = "Make everything anew from the spans, and wait until it is done."
    _add(commands, "rebuild", about, "schema_commands:rebuild", shared)


def _add_keys(commands: Any) -> None:
    keys = commands.add_parser("keys", help="Make keys for the projects file.").add_subparsers(
        required=True, metavar="COMMAND"
    )
    new = _add(keys, "new", "Print a new key, once, and the lines of the projects file.", "keys:new", _shared_flags())
    new.add_argument("--name", metavar="NAME", default="new-key", help="what to call it (default: new-key)")
    new.add_argument("--project", metavar="ID", action="append", help="what it opens; may be repeated")
    new.add_argument("--scope", metavar="SCOPE", action="append", help="ingest (default), read, content or admin")


def _add_dead_letter(commands: Any) -> None:
    about = "Spans that the database refused for good: look at them, store them after all."
    letters = commands.add_parser("dead-letter", help=about).add_subparsers(required=True, metavar="COMMAND")
    shared = _shared_flags()
    _add(letters, "list", "Each letter, with the reason.", "dead_letter:list_letters", shared)
    show = _add(letters, "show", "The rows of one letter, as JSON.", "dead_letter:show", shared)
    show.add_argument("letter", help="its name, or how it begins")
    _add(letters, "replay", "Try to store all of them again.", "dead_letter:replay_letters", shared)


def _add_reprice(commands: Any) -> None:
    about = "Price stored calls again, from today's prices; what a tool has reported itself is left as it is."
    reprice = _add(commands, "reprice", about, "reprice:reprice", _shared_flags())
    reprice.add_argument("--project", metavar="ID", default="", help="only this project")
    reprice.add_argument("--since", metavar="WHEN", help="only calls since then: 24h, 7d, 2026-11-20 (default: all)")


def _add_backup(commands: Any) -> None:
    about = "Write a backup, while everything goes on; the name of the new folder is printed."
    backup = _add(commands, "backup", about, "backup:backup", _shared_flags())
    backup.add_argument("name", nargs="?", metavar="NAME", help="default: the time; the folder is DIR/backups/NAME")
    about = "Bring a backup back. What was deleted since stays deleted."
    restore = _add(commands, "restore", about, "backup:restore", _shared_flags())
    restore.add_argument("name", metavar="NAME", help="of a backup, or any folder that holds one")
    restore.add_argument("--replace", action="store_true", help="in place of the spans that are there")
    restore.add_argument("--database", metavar="NAME", help="what it was called when the backup was made")
    for command in (backup, restore):
        command.add_argument("--disk", metavar="DISK", default="", help="of a server of your own, for backups")


def _add_import(commands: Any) -> None:
    about = "Take over what the Collector's ClickHouse exporter has stored until now; killed, it goes on where it was."
    imported = _add(commands, "import", about, "import_history:import_history", _shared_flags())
    where = "the exporter's ClickHouse (http://user:password@host:8123/database), or @FILE that holds this URL"
    imported.add_argument("--from", metavar="URL", dest="source", required=True, help=where)
    imported.add_argument("--table", metavar="NAME", default="otel_traces", help="default: otel_traces")
    imported.add_argument("--project", metavar="ID", help="into which project (default: the only one)")
    imported.add_argument("--since", metavar="WHEN", help="only spans since then: 30d, 2026-01-31 (default: all)")
    imported.add_argument("--again", action="store_true", help="also the hours that are already done")


def _add_demo(commands: Any) -> None:
    about = "Send conversations that never happened through the running receiver, to see everything alive."
    demo = _add(commands, "demo", about, "demo.command:demo", _shared_flags(), _port_flags())
    demo.add_argument("--conversations", metavar="N", type=int, default=300, help="how many (default: 300)")
    demo.add_argument("--days", metavar="N", type=float, default=7.0, help="spread over so many days (default: 7)")
    demo.add_argument("--seed", metavar="N", type=int, default=1, help="the same seed tells the same (default: 1)")
    demo.add_argument("--live", action="store_true", help="go on, as if people were talking now")
    demo.add_argument("--key", metavar="KEY", help="one that may send, where the receiver wants keys")


def _add_grafana(commands: Any) -> None:
    about = "Print Grafana's data source as YAML; write the dashboards; let readers of single projects in."
    grafana = _add(commands, "grafana", about, "grafana:grafana", _shared_flags())
    grafana.add_argument("--dashboards", metavar="DIR", help="write the dashboards there instead")
    grafana.add_argument("--provisioning", metavar="DIR", help="write all that Grafana provisions there instead")
    grafana.add_argument(
        "--pages", metavar="URL", default="http://localhost:8080", help="our pages, for links (default: %(default)s)"
    )
    grafana.add_argument("--user", metavar="NAME", help="whom it reads as (default: grafana)")
    grafana.add_argument("--project", metavar="ID", action="append", help="all that NAME may read; may be repeated")
    grafana.add_argument("--sql", action="store_true", help="print the SQL that makes NAME on a server instead")


def _add_bench(commands: Any) -> None:
    about = "Measure this machine: what it takes in, and how fast it answers, with a product of its own."
    bench = _add(commands, "bench", about, "bench:bench", _shared_flags())
    bench.add_argument("--workers", metavar="N", help="receiver processes (default: 1)")
    bench.add_argument("--conversations", metavar="N", type=int, default=2_000, help="how many (default: 2000)")
    bench.add_argument("--clients", metavar="N", type=int, default=8, help="that send at once (default: 8)")


def _add_completion(commands: Any) -> None:
    about = "Print what your shell needs to complete our commands; see --help for where to put it."
    how = 'bash: eval "$(genai-sessions completion bash)" in ~/.bashrc. zsh: a file _genai-sessions in your fpath. '
    added = _add(commands, "completion", about, "completion:completion", _shared_flags())
    added.epilog = f"{how}fish: ~/.config/fish/completions/genai-sessions.fish."
    added.add_argument("shell", choices=("bash", "zsh", "fish"))


def _shared_flags() -> Parser:
    flags = Parser(add_help=False)
    flags.add_argument("--data-dir", metavar="DIR", help="where data lives (default: the user's data folder)")
    flags.add_argument("--clickhouse-url", metavar="URL", help="a ClickHouse to use instead of the embedded one")
    flags.add_argument(
        "--clickhouse-port", metavar="N", help="HTTP port of the embedded ClickHouse (default: a free one)"
    )
    flags.add_argument(
        "--projects", metavar="FILE", help="projects and keys (TOML); without it, one project on loopback"
    )
    flags.add_argument("--verbose", action="store_true", help="log more")
    return flags


def _port_flags() -> Parser:
    flags = Parser(add_help=False)
    flags.add_argument("--host", metavar="ADDRESS", help="where to listen (default: 127.0.0.1)")
    flags.add_argument("--otlp-grpc-port", metavar="N", help="OTLP over gRPC (default: 4317)")
    flags.add_argument("--otlp-http-port", metavar="N", help="OTLP over HTTP (default: 4318)")
    flags.add_argument("--api-port", metavar="N", help="the API and the pages (default: 8080)")
    flags.add_argument("--workers", metavar="N", help="receiver processes on one port (default: 1)")
    return flags
