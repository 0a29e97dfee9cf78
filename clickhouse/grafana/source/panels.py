"""The kinds of panels that the dashboards are made of."""

from collections.abc import Sequence
from typing import TypeVar

from grafana_foundation_sdk.builders import barchart, common, dashboard, stat, table, timeseries, trend
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models import common as shapes
from grafana_foundation_sdk.models.dashboard import Panel

from clickhouse.grafana.source.looks import looks
from clickhouse.grafana.source.queries import CLICKHOUSE, PROMETHEUS, Sql, sql

WHOLE = 24  # columns of Grafana's grid
Charts = TypeVar("Charts", stat.Panel, table.Panel, barchart.Panel)


def numbers(title: str, query: str, about: str, width: int) -> stat.Panel:
    """Every column of one row, side by side."""
    shown = common.ReduceDataOptions().calcs(["lastNotNull"]).values(values=False).fields("/.*/")
    panel = stat.Panel().reduce_options(shown).graph_mode(shapes.BigValueGraphMode.NONE)
    return _told(panel, title, query, about).color_mode(shapes.BigValueColorMode.NONE).span(width).height(4)


def rows(title: str, query: str, about: str, width: int = WHOLE, height: int = 9) -> table.Panel:
    return _told(table.Panel().cell_height(shapes.TableCellHeight.SM), title, query, about).span(width).height(height)


def bars(title: str, query: str, about: str, width: int) -> barchart.Panel:
    """One bar for each row: a text and its number."""
    return _told(barchart.Panel(), title, query, about).span(width).height(8)


def over_time(
    title: str, query: str, about: str, *, unit: str, width: int = 12, stacked: bool = False
) -> timeseries.Panel:
    panel = timeseries.Panel().datasource(CLICKHOUSE).with_target(Sql(query, "timeseries"))
    return _drawn(panel, stacked=stacked).title(title).description(about).unit(unit).min(0).span(width).height(8)


def scraped(title: str, about: str, queries: Sequence[Builder[Dataquery]], *, unit: str) -> timeseries.Panel:
    """From Prometheus."""
    panel = _drawn(timeseries.Panel().datasource(PROMETHEUS), stacked=False)
    for ref_id, query in zip("ABC", queries, strict=False):
        built = query.build()
        built.ref_id = ref_id  # type: ignore[attr-defined]
        panel.with_target(_Built(built))
    return panel.title(title).description(about).unit(unit).min(0).span(8).height(8)


def step_by_step(title: str, query: str, about: str, *, along: str) -> trend.Panel:
    """Along a number that grows, rather than along time."""
    panel = trend.Panel().datasource(CLICKHOUSE).with_target(Sql(query, "table")).x_field(along)
    return panel.title(title).description(about).unit("currencyUSD").min(0).span(WHOLE).height(7)


def waterfall(title: str, query: str, about: str) -> dashboard.Panel:
    panel = dashboard.Panel().type("traces").datasource(CLICKHOUSE).with_target(Sql(query, "traces"))
    return panel.title(title).description(about).span(WHOLE).height(14)


class _Built(Builder[Dataquery]):
    def __init__(self, query: Dataquery) -> None:
        self._query = query

    def build(self) -> Dataquery:
        return self._query


def _told(panel: Charts, title: str, query: str, about: str) -> Charts:
    panel.datasource(CLICKHOUSE).with_target(Sql(query, "table")).title(title).description(about)
    for column, properties in looks(sql(query)):
        panel.override_by_name(column, properties)
    return panel


def _drawn(panel: timeseries.Panel, *, stacked: bool) -> timeseries.Panel:
    if stacked:
        mode = common.StackingConfig().mode(shapes.StackingMode.NORMAL).group("A")
        panel.draw_style(shapes.GraphDrawStyle.BARS).fill_opacity(70).line_width(0).stacking(mode)
    else:
        panel.draw_style(shapes.GraphDrawStyle.LINE).fill_opacity(8).line_width(1)
        panel.show_points(shapes.VisibilityMode.AUTO)
    legend = common.VizLegendOptions().show_legend(show_legend=True).placement(shapes.LegendPlacement.BOTTOM)
    panel.legend(legend.display_mode(shapes.LegendDisplayMode.LIST))
    return panel.tooltip(common.VizTooltipOptions().mode(shapes.TooltipDisplayMode.MULTI))


Panels = Sequence[Builder[Panel]]
