SELECT DISTINCT toDate(started_at) AS day FROM spans ORDER BY day
