-- The rows of read_facts.sql, of one part of a trace that is too large to be held at once: each part has all rows of its
-- spans, whatever hours they lie in. Nobody asks for what was said.
SELECT project_id, trace_id, span_id, facts, '' AS input_preview, '' AS output_preview,
       toUInt64(bitShiftRight(version, 128)) AS received_us,
       toUInt64(bitAnd(version, toUInt256(18446744073709551615))) AS row_hash,
       cityHash64(span_id, started_at, version) AS mark
FROM {home:Identifier}.span_facts AS f FINAL
WHERE (project_id, toStartOfHour(started_at), trace_id) IN
(
    SELECT project_id, arrayJoin(hours), trace_id
    FROM {home:Identifier}.trace_index
    WHERE (project_id, trace_id) IN (SELECT project_id, trace_id FROM slice)
) AND cityHash64(span_id) % {parts:UInt32} = {part:UInt32}
