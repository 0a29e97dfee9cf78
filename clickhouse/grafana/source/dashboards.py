"""What the dashboards show. `python -m clickhouse.grafana.source` writes them as Grafana reads them."""

from collections.abc import Iterable, Mapping

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import (
    Dashboard,
    DashboardCursorSync,
    DashboardLinkType,
    VariableHide,
    VariableModel,
    VariableOption,
    VariableRefresh,
)

from clickhouse.grafana.source.panels import Panels, bars, numbers, over_time, rows, scraped, step_by_step, waterfall
from clickhouse.grafana.source.queries import CLICKHOUSE, promql, sql

PAGES = "http://localhost:8080"
"""Where the links to our own pages lead, until `genai-sessions grafana --dashboards` writes another address."""

TAGS = ["clickhouse", "otel", "genai-sessions"]
"""By the first two the plugin's own dashboards find ours."""

_METRIC = "genai_sessions_receiver"


def dashboards() -> Mapping[str, Dashboard]:
    """By the names of their files."""
    return {
        "overview": _made("overview", "Sessions overview", "24h", _filters(), _overview()),
        "session": _made("session", "Session", "7d", _session_variables(), _session()),
        "costs": _made("costs", "Costs", "7d", _filters(), _costs()),
        "users": _made("users", "Users", "7d", _filters(), _users()),
        "health": _made("health", "Receiver health", "1h", _health_variables(), _health()),
    }


def _overview() -> Panels:
    whole = "Whole sessions that were active in this time."
    return [
        numbers("Active sessions", "overview/totals", f"{whole} What they add up to.", 24),
        over_time("Sessions started", "overview/volume", "By the start of their first span.", unit="short"),
        over_time("Cost by model", "overview/cost", "Of calls that started then.", unit="currencyUSD", stacked=True),
        over_time("Tokens", "overview/tokens", "Of traces that started then.", unit="short", stacked=True),
        over_time("Errors", "overview/errors", "Traces with a failed span, over traces.", unit="percentunit"),
        over_time("Latency of turns", "overview/latency", "From start to end, failed turns included.", unit="ms"),
        bars("Turns per session", "overview/turns_per_session", whole, 12),
        rows("Per session", "overview/per_session", whole, height=7),
        rows("Latest sessions", "overview/sessions", "Click an id to open the session.", height=12),
    ]


def _session() -> Panels:
    return [
        rows("Session", "session/about", "Click the id to open it in genai-sessions.", height=4),
        numbers("In all", "session/totals", "Whole, whatever time is chosen.", 24),
        step_by_step("Cost so far", "session/cost_so_far", "Call by call.", along="call"),
        rows("Calls", "session/calls", "In the order in which they started; the first thousand.", height=12),
        rows("Traces", "session/traces", "Click an id to see the trace."),
        waterfall("Trace", "session/trace", "The trace chosen above, as OpenTelemetry has it."),
    ]


def _costs() -> Panels:
    return [
        numbers("Cost", "costs/totals", "Of calls that started in this time. Turns without a price are not in it.", 24),
        over_time("Cost by model", "overview/cost", "When it was spent.", unit="currencyUSD", width=24, stacked=True),
        rows("By model", "costs/by_model", "The model that answered, else the one that was asked.", 12),
        rows("By service", "costs/by_service", "The service that made the call.", 12),
        rows("By user", "costs/by_user", "The user of the trace; empty where nobody said.", 12),
        rows("By tag", "costs/by_tag", "Traces with several tags count under each of them.", 12),
        rows("By conversation", "costs/by_session", "The dearest hundred of the sessions active in this time.", 16),
        rows("Where costs come from", "costs/by_source", "Reported by the app's SDK, or computed from prices.", 8),
    ]


def _users() -> Panels:
    spread = "Of sessions active in this time; p50 and p95: what half, and what 95 % of the users stay below."
    return [
        numbers("Users", "users/spread", spread, 24),
        over_time("Active users", "users/active", "With a trace that started then.", unit="short", width=24),
        rows("Who they are", "users/top", "Click an id to open the user in genai-sessions.", height=16),
    ]


def _health() -> Panels:
    until_stored = "From the receipt of a span until the database had it; minutes mean that it lay in the spool."
    requests = promql(f"sum by (code) (rate({_METRIC}_requests_total[$__rate_interval]))", "{{code}}")
    refusals = promql(f"sum by (reason) (rate({_METRIC}_refusals_total[$__rate_interval]))", "{{reason}}")
    spooled = promql(f"sum({_METRIC}_spans_spooled)", "in the spool")
    refused = promql(f"sum({_METRIC}_spans_dead_lettered_total)", "dead-lettered")
    acks = promql(
        f"histogram_quantile(0.99, sum by (le) (rate({_METRIC}_ack_seconds_bucket[$__rate_interval])))", "p99"
    )
    scrape = "Needs a Prometheus that scrapes /metrics of the receivers."
    return [
        numbers("Now", "health/now", "How long the oldest change waits to be recomputed, what waits, what failed.", 24),
        over_time("Spans stored", "health/throughput", "Per second, repeats too.", unit="short", stacked=True),
        over_time("Until stored", "health/waited", until_stored, unit="ms"),
        over_time("Until recomputed", "health/recomputes", "From a change until its trace was recomputed.", unit="ms"),
        over_time("Flaws", "health/flaws", "What had to be repaired, cut or rejected.", unit="short", stacked=True),
        rows("Who sends", "health/late", "And for how long it has been silent."),
        scraped("Requests by answer", scrape, [requests], unit="reqps"),
        scraped("Refusals by reason", scrape, [refusals], unit="reqps"),
        scraped("Spool and dead letters", scrape, [spooled, refused], unit="short"),
        scraped("Time to acknowledge", scrape, [acks], unit="s"),
    ]


Variables = Iterable[Builder[VariableModel]]


def _made(name: str, title: str, since: str, variables: Variables, panels: Panels) -> Dashboard:
    made = dashboard.Dashboard(title).uid(f"genai-sessions-{name}").tags(TAGS).time(f"now-{since}", "now").refresh("1m")
    made.editable().tooltip(DashboardCursorSync.CROSSHAIR).timezone("browser").version(1)
    dropdown = dashboard.DashboardLink("Dashboards").type(DashboardLinkType.DASHBOARDS).tags(["genai-sessions"])
    made.link(dropdown.as_dropdown(as_dropdown=True).include_vars(include_vars=True).keep_time(keep_time=True))
    made.link(dashboard.DashboardLink("genai-sessions").type(DashboardLinkType.LINK).url(_page(name)))
    for variable in (_datasource("datasource", "Data source", CLICKHOUSE.type_val or ""), *variables, _Pages()):
        made.with_variable(variable)
    for number, panel in enumerate(panels, start=1):
        made.with_panel(panel.id(number))  # type: ignore[attr-defined]
    return made.build()


class _Pages(Builder[VariableModel]):
    """Constants have no way to be hidden but this one."""

    def build(self) -> VariableModel:
        made = dashboard.ConstantVariable("pages").value(PAGES).build()
        made.hide, made.current = VariableHide.HIDE_VARIABLE, VariableOption(text=PAGES, value=PAGES)
        return made


def _page(name: str) -> str:
    """The page of ours that a dashboard corresponds to."""
    session = "/session?id=${session:percentencode}&project=${project:percentencode}"
    known = {"session": session, "costs": "/costs", "users": "/users", "health": "/diagnostics"}
    return "${pages:raw}" + known.get(name, "/sessions")


def _datasource(name: str, label: str, kind: str) -> dashboard.DatasourceVariable:
    return dashboard.DatasourceVariable(name).label(label).type(kind)


def _filters() -> Variables:
    return (_choice(name) for name in ("project", "service", "model", "environment"))


def _session_variables() -> Variables:
    project = _values("project").include_all(include_all=False).multi(multi=False)
    return (project, *(dashboard.TextBoxVariable(name).label(name.capitalize()) for name in ("session", "trace")))


def _health_variables() -> Variables:
    return (_choice("project"), _choice("service"), _datasource("prometheus", "Prometheus", "prometheus"))


def _choice(name: str) -> dashboard.QueryVariable:
    everything = VariableOption(text="All", value="$__all", selected=True)
    return _values(name).multi(multi=True).include_all(include_all=True).current(everything)


def _values(name: str) -> dashboard.QueryVariable:
    query: dict[str, object] = {"editorType": "sql", "rawSql": sql(f"variables/{name}")}
    made = dashboard.QueryVariable(name).label(name.capitalize()).datasource(CLICKHOUSE).query(query)
    return made.refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
