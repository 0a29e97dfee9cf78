"""Rows of the Collector's exporter as spans."""

from clickhouse.history import ExportedSpan
from otel_receiver.exported import Exported

ROW = ExportedSpan(
    *("0" * 31 + "1", "0" * 15 + "1", "", "", "chat", "Client", 1, 1, "Ok", "", "{}", '{"host.name":"a"}', "shop"),
    *("scope", "1", [], [], [], [], [], [], []),
)


def test_services_are_told_apart_where_their_resources_say_the_same() -> None:
    """The service may stand in its own column alone. Spans of one and the same still share their resource."""
    exported = Exported()
    rows = [ROW, ROW._replace(service="bakery"), ROW, ROW._replace(service="")]
    resources = [span.resource for span in map(exported.span, rows) if span is not None]
    assert [resource.attributes.get("service.name") for resource in resources] == ["shop", "bakery", "shop", None]
    assert resources[0] is resources[2]
