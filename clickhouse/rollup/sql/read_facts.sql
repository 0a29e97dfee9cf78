-- The rows of a slice of traces. The index knows their hours, so that single granules are read. `home` is the shard's
-- own database, or the one that reaches all shards: rows and index of a trace lie on the same one.
SELECT project_id, trace_id, span_id, facts,
       if(content_until > toDateTime(0) AND content_until <= now(), '', f.input_preview) AS input_preview,
       if(content_until > toDateTime(0) AND content_until <= now(), '', f.output_preview) AS output_preview,
       toUInt64(bitShiftRight(version, 128)) AS received_us,
       toUInt64(bitAnd(version, toUInt256(18446744073709551615))) AS row_hash,
       cityHash64(span_id, started_at, version) AS mark
FROM {home:Identifier}.span_facts AS f FINAL
WHERE (project_id, toStartOfHour(started_at), trace_id) IN
(
    SELECT project_id, arrayJoin(hours), trace_id
    FROM {home:Identifier}.trace_index
    WHERE (project_id, trace_id) IN (SELECT project_id, trace_id FROM slice)
)
