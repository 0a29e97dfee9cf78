-- The same log records with another price, as in reprice_spans.sql.
INSERT INTO {everywhere:Identifier}.log_calls (* EXCEPT (stored_at))
SELECT l.* EXCEPT (stored_at)
       REPLACE (toDecimal64OrNull(p.cost_usd, 12) AS cost_usd, p.cost_source AS cost_source,
                p.price_source AS price_source, l.received_at + toIntervalMicrosecond(1) AS received_at)
FROM
(
    SELECT *
    FROM {everywhere:Identifier}.log_calls FINAL
    WHERE project_id = {project:String} AND toStartOfHour(log_calls.started_at) = toDateTime({hour:UInt32}, 'UTC')
      AND log_calls.started_at >= toDateTime({hour:UInt32}, 'UTC')
      AND log_calls.started_at < toDateTime({hour:UInt32} + 3600, 'UTC')
      AND (trace_id, record_id) IN (SELECT trace_id, id FROM priced)
) AS l
INNER JOIN priced AS p
    ON p.trace_id = l.trace_id AND p.id = l.record_id AND p.started_ns = toString(toUnixTimestamp64Nano(l.started_at))
   AND p.version = toString(toUnixTimestamp64Micro(l.received_at))
