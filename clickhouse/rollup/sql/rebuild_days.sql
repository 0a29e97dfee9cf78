SELECT DISTINCT day
FROM (SELECT toDate(started_at) AS day FROM spans UNION ALL SELECT toDate(started_at) FROM log_calls)
ORDER BY day
