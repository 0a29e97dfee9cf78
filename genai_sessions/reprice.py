"""`genai-sessions reprice`: what stored calls cost by the prices of today, at the time they were made."""

from argparse import Namespace
from collections.abc import Callable
from functools import cache
from itertools import product

from clickhouse.connect import connected
from clickhouse.projects import Projects
from clickhouse.repricing import BY_LOGS, BY_SPANS, NewPrice, PricedCall, priced_calls, priced_hours, write_prices
from genai_sessions.database import borrowed_database
from genai_sessions.schema_commands import recompute_all
from genai_sessions.settings import Settings, SettingsRefused, known_projects
from genai_sessions.since import since_ns
from otel_receiver.call import Call, Usage
from otel_receiver.pricing import Prices, prices_of


def reprice(settings: Settings, flags: Namespace) -> int:
    since, prices = since_ns(flags.since), _prices(known_projects(settings))
    seen = changed = 0
    with borrowed_database(settings) as database, connected(database) as client:
        hours = priced_hours(client, database.everywhere, flags.project, since)
        for hour, told in product(hours, (BY_SPANS, BY_LOGS)):
            for calls in priced_calls(client, database.everywhere, told, hour, since):
                new = _changed(calls, prices(hour.project_id))
                write_prices(client, database.everywhere, told, hour, new)
                seen, changed = seen + len(calls), changed + len(new)
        recompute_all(client, database)
    print(f"{seen} calls looked at, {changed} cost something else now")
    return 0


def _changed(calls: list[PricedCall], prices: Prices) -> list[NewPrice]:
    new = [_priced(call, prices) for call in calls]
    return [price for price in new if (price.cost_usd, price.cost_source) != price.call[-2:]]


def _priced(stored: PricedCall, prices: Prices) -> NewPrice:
    """As the receiver prices a call when it arrives: unit prices are looked up once per model and period."""
    usage = Usage._make(getattr(stored, name) for name in Usage._fields)
    call = Call(
        provider=stored.provider,
        request_model=stored.request_model,
        response_model=stored.response_model,
        usage=usage,
    )
    cost = prices.cost(call, stored.started_ns)
    return NewPrice(stored, cost.usd, cost.source, cost.price_source)


def _prices(projects: Projects) -> Callable[[str], Prices]:
    """A project that the file does not know any more has the prices of everybody."""

    @cache
    def of(project_id: str) -> Prices:
        known = projects.by_id.get(project_id)
        try:
            return Prices() if known is None else prices_of(known)
        except ValueError as error:
            raise SettingsRefused(str(error)) from error

    return of
