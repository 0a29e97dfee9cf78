-- Which hours the exporter's table has spans of, and how many: what an import has to do.
SELECT intDiv(toUnixTimestamp64Nano(Timestamp), 3600000000000) AS hour, count() AS spans
FROM {table:Identifier}
WHERE Timestamp >= fromUnixTimestamp64Nano({since_ns:Int64})
GROUP BY hour
ORDER BY hour
