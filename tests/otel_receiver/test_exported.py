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


def test_an_attribute_whose_name_begins_another_one_is_not_lost() -> None:
    """As a JSON column is written out, both have the same key in the same object."""
    text = '{"user":"bob","user":{"id":"u","id":{"hash":1}},"error":{"type":"E"},"error":true,"list":[{"a":{"b":1}}]}'
    span = Exported().span(ROW._replace(attributes=text))
    assert span is not None
    told = {"user": "bob", "user.id": "u", "user.id.hash": 1, "error": True, "error.type": "E"}
    assert span.attributes == {**told, "list": [{"a": {"b": 1}}]}
