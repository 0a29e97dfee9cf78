"""What becomes of a panel's SQL between Grafana and ClickHouse, as Grafana and its ClickHouse plugin do it.

Sources (github.com/grafana/clickhouse-datasource, as of August 2026, version 4.20): `applyConditionalAll`,
`getMacroArgs` and `format` in src/data/CHDatasource.ts; pkg/macros/macros.go. Variables: github.com/grafana/grafana,
`variableRegex` in public/app/features/variables/utils.ts; their formats: formatRegistry.ts of @grafana/scenes.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

ALL = "$__all"
"""The value of a variable where "All" is chosen."""

Value = str | list[str]

_VARIABLE = re.compile(r"\$(\w+)|\[\[(\w+?)(?::(\w+))?\]\]|\$\{(\w+)(?:\.([^:^}]+))?(?::([^}]+))?\}")
_CONDITIONAL = "$__conditionalAll("
_NAME_IN_CONDITION = re.compile(r"(?<=\$\{)[\w\d]+(?=\})|(?<=\$)[\w\d]+")
_MACRO = re.compile(r"\$__(\w+)(\()?")


@dataclass(frozen=True)
class Dashboard:
    """What the viewer has chosen."""

    from_s: int
    to_s: int
    interval_s: int = 60
    variables: Mapping[str, Value] = field(default_factory=dict)


def all_of(*names: str) -> dict[str, Value]:
    """Variables in which "All" is chosen."""
    return {name: [ALL] for name in names}


def expanded(sql: str, chosen: Dashboard) -> str:
    """As it reaches ClickHouse."""
    return _in_the_backend(_in_the_browser(sql, chosen), chosen)


def expanded_for_an_alert(sql: str, chosen: Dashboard) -> str:
    """Alert rules are evaluated without a browser: nobody resolves variables and conditions."""
    return _in_the_backend(sql, chosen)


def _in_the_browser(sql: str, chosen: Dashboard) -> str:
    return _VARIABLE.sub(lambda found: _replaced(found, chosen.variables), _conditions(sql, chosen.variables))


def _conditions(sql: str, variables: Mapping[str, Value]) -> str:
    """The last first; one whose arguments are not two stops it, unresolved."""
    while (at := sql.rfind(_CONDITIONAL)) != -1:
        arguments, _ = _arguments(sql, at + len(_CONDITIONAL) - 1)
        if len(arguments) != 2:
            return sql
        phrase, variable = arguments
        named = _NAME_IN_CONDITION.search(variable.strip())
        if named is not None and _joined(variables.get(named.group(), "undefined")) in ("", ALL):
            phrase = "1=1"
        sql = sql.replace(f"{_CONDITIONAL}{arguments[0]},{variable})", phrase, 1)
    return sql


def _joined(value: Value) -> str:
    """JavaScript's toString."""
    return value if isinstance(value, str) else ",".join(value)


def _arguments(text: str, opening: int) -> tuple[list[str], int]:
    """Between commas outside of inner parentheses, untrimmed; and where the closing one stands."""
    found, depth, start = [], 0, opening + 1
    for at in range(opening, len(text)):
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        if depth == 0 or (depth == 1 and text[at] == ","):
            found.append(text[start:at])
            start = at + 1
        if depth == 0:
            return found, at
    return [], opening


def _replaced(found: "re.Match[str]", variables: Mapping[str, Value]) -> str:
    """An unknown name is left as it stands: macros are resolved later."""
    name = found.group(1) or found.group(2) or found.group(4)
    if name not in variables:
        return found.group()
    value = variables[name]
    if _joined(value) == ALL:
        raise AssertionError(f"{found.group()}: All of a variable would be a list of everything; use $__conditionalAll")
    return _FORMATS[found.group(3) or found.group(6)](value)


def _plugins_own(value: Value) -> str:
    return value if isinstance(value, str) else "'" + "','".join(value) + "'"


def _single_quoted(value: Value) -> str:
    quoted = ["'" + each.replace("'", "\\'") + "'" for each in ([value] if isinstance(value, str) else value)]
    return ",".join(quoted)


def _percent_encoded(value: Value) -> str:
    return quote(value if isinstance(value, str) else "{" + ",".join(value) + "}", safe="-_.~")


_FORMATS: Mapping[str | None, Callable[[Value], str]] = {
    None: _plugins_own,
    "singlequote": _single_quoted,
    "percentencode": _percent_encoded,
    "raw": _joined,
}


def _in_the_backend(sql: str, chosen: Dashboard) -> str:
    return "".join(_pieces(sql, chosen))


def _pieces(sql: str, chosen: Dashboard) -> Iterator[str]:
    done = 0
    while (found := _MACRO.search(sql, done)) is not None:
        yield sql[done : found.start()]
        macro = _MACROS.get(found.group(1))
        if macro is None:
            yield found.group()
            done = found.end()
            continue
        arguments: list[str] = []
        done = found.end()
        if found.group(2) is not None:
            arguments, closing = _arguments(sql, found.end() - 1)
            done = closing + 1
        yield macro(chosen, *(argument.strip() for argument in arguments))
    yield sql[done:]


def _from(chosen: Dashboard) -> str:
    return f"toDateTime({chosen.from_s})"


def _to(chosen: Dashboard) -> str:
    return f"toDateTime({chosen.to_s})"


def _interval_s(chosen: Dashboard) -> str:
    return str(max(chosen.interval_s, 1))


def _time_filter(chosen: Dashboard, column: str) -> str:
    return f"{column} >= {_from(chosen)} AND {column} <= {_to(chosen)}"


def _time_interval(chosen: Dashboard, column: str) -> str:
    return f"toStartOfInterval(toDateTime({column}), INTERVAL {_interval_s(chosen)} second)"


_MACROS: Mapping[str, Callable[..., str]] = {
    "fromTime": _from,
    "toTime": _to,
    "interval_s": _interval_s,
    "timeFilter": _time_filter,
    "timeInterval": _time_interval,
}
