-- Queue the traces whose rows are not those of their last recompute, or whose last recompute was left half way, and that
-- nobody has queued: whoever stored, removed or recomputed them died before he could say so. `since` bounds the search by when rows were stored, `from` and `to` by when they started.
INSERT INTO trace_changes (project_id, trace_id)
WITH recent AS
(
    SELECT DISTINCT project_id, trace_id
    FROM span_facts
    WHERE stored_at >= fromUnixTimestamp64Micro({since_us:Int64}, 'UTC')
      AND started_at >= fromUnixTimestamp64Nano({from_ns:Int64}, 'UTC')
      AND started_at < fromUnixTimestamp64Nano({to_ns:Int64}, 'UTC')
    UNION DISTINCT
    SELECT DISTINCT project_id, trace_id
    FROM log_calls
    WHERE stored_at >= fromUnixTimestamp64Micro({since_us:Int64}, 'UTC')
      AND started_at >= fromUnixTimestamp64Nano({from_ns:Int64}, 'UTC')
      AND started_at < fromUnixTimestamp64Nano({to_ns:Int64}, 'UTC')
    UNION DISTINCT
    SELECT DISTINCT project_id, trace_id
    FROM dead_spans
    WHERE listed_at >= fromUnixTimestamp64Micro({since_us:Int64}, 'UTC')
)
SELECT changed.project_id, changed.trace_id
FROM recent AS changed
LEFT JOIN
(
    SELECT project_id, trace_id, groupBitXor(one) AS mark, max(stored_at) AS latest
    FROM
    (
        SELECT project_id, trace_id, cityHash64(span_id, started_at, version) AS one, stored_at
        FROM span_facts FINAL
        WHERE (project_id, trace_id) IN (SELECT project_id, trace_id FROM recent)
          AND (project_id, toStartOfHour(started_at), trace_id) IN
              (SELECT project_id, arrayJoin(hours), trace_id FROM trace_index WHERE (project_id, trace_id) IN (SELECT project_id, trace_id FROM recent))
        UNION ALL
        SELECT project_id, trace_id, cityHash64(record_id, started_at, received_at), stored_at
        FROM log_calls FINAL
        WHERE (project_id, trace_id) IN (SELECT project_id, trace_id FROM recent)
          AND (project_id, toStartOfHour(started_at), trace_id) IN
              (SELECT project_id, arrayJoin(hours), trace_id FROM trace_index WHERE (project_id, trace_id) IN (SELECT project_id, trace_id FROM recent))
    )
    GROUP BY project_id, trace_id
) AS stored ON stored.project_id = changed.project_id AND stored.trace_id = changed.trace_id
LEFT JOIN
(
    SELECT project_id, trace_id, fingerprint, version
    FROM session_traces FINAL
    WHERE session_id = '' AND (project_id, trace_id) IN (SELECT project_id, trace_id FROM recent)
) AS known ON known.project_id = changed.project_id AND known.trace_id = changed.trace_id
LEFT JOIN
(
    SELECT project_id, trace_id, max(finished_traces.version) AS version
    FROM finished_traces
    WHERE (project_id, trace_id) IN (SELECT project_id, trace_id FROM recent)
    GROUP BY project_id, trace_id
) AS finished ON finished.project_id = changed.project_id AND finished.trace_id = changed.trace_id
WHERE (stored.mark != known.fingerprint OR known.version > finished.version)
  AND stored.latest < now64(6) - toIntervalSecond({grace_seconds:UInt32})
  AND (changed.project_id, changed.trace_id) NOT IN
      (SELECT project_id, trace_id FROM trace_queue GROUP BY stamp, id, project_id, trace_id HAVING sum(sign) > 0)
  AND (changed.project_id, changed.trace_id) NOT IN
      (SELECT project_id, trace_id FROM quarantined_traces FINAL WHERE reason != '')
