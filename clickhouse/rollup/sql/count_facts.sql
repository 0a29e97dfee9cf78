-- How many rows a slice of traces has, at most: what awaits a merge is counted twice, and one of 8 kB like two of 4.
SELECT greatest(count(), intDiv(sum(length(facts)), 4096))
FROM {home:Identifier}.span_facts
WHERE (project_id, toStartOfHour(started_at), trace_id) IN
(
    SELECT project_id, arrayJoin(hours), trace_id
    FROM {home:Identifier}.trace_index
    WHERE (project_id, trace_id) IN (SELECT project_id, trace_id FROM slice)
)
