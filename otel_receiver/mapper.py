"""The desk's mapper: spans and log records, read by the dialects, priced, as rows."""

from collections.abc import Sequence

from clickhouse.projects import Project, Projects
from otel_receiver.batch import Batch
from otel_receiver.dialects import read
from otel_receiver.dialects.log_events import read_log
from otel_receiver.export import Received
from otel_receiver.log_rows import write_log_rows
from otel_receiver.otlp import LogRecord
from otel_receiver.pricing import Prices, prices_of
from otel_receiver.rows import write_rows
from otel_receiver.span import Span


class DialectMapper:
    """Prices are read when it is made, so that a price file that cannot be used is refused at the start."""

    def __init__(self, projects: Projects) -> None:
        self._prices: dict[str, Prices] = {project.id: prices_of(project) for project in projects.by_id.values()}

    def spans(self, spans: Sequence[Span], project: Project, received: Received) -> Batch:
        calls = [read(span) for span in spans]
        return write_rows(
            spans,
            calls,
            project,
            self._prices[project.id],
            received_ns=received.at_ns,
            default_session_id=received.session_id,
            default_user_id=received.user_id,
        )

    def logs(self, records: Sequence[LogRecord], project: Project, received: Received) -> Batch:
        told = [told for told in map(read_log, records) if told is not None]
        return write_log_rows(told, project, self._prices[project.id], received)
