-- The same spans with another price. They count as received a moment later, so they win over what they were, and lose to
-- whatever was received since: of that, the price is its own.
INSERT INTO {everywhere:Identifier}.spans (* EXCEPT (version, stored_at))
SELECT s.* EXCEPT (version, stored_at)
       REPLACE (toDecimal64OrNull(p.cost_usd, 12) AS cost_usd, p.cost_source AS cost_source,
                p.price_source AS price_source, s.received_at + toIntervalMicrosecond(1) AS received_at)
FROM
(
    SELECT *, version, stored_at
    FROM {everywhere:Identifier}.spans FINAL
    WHERE project_id = {project:String} AND toStartOfHour(spans.started_at) = toDateTime({hour:UInt32}, 'UTC')
      AND spans.started_at >= toDateTime({hour:UInt32}, 'UTC')
      AND spans.started_at < toDateTime({hour:UInt32} + 3600, 'UTC')
      AND (trace_id, span_id) IN (SELECT trace_id, id FROM priced)
) AS s
INNER JOIN priced AS p ON p.trace_id = s.trace_id AND p.id = s.span_id AND p.version = toString(s.version)
