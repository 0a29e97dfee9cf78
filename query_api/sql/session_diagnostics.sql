-- How a session came to its numbers: which keys named it, who inherited it, what was left out, what has no price.
SELECT
    arraySort(groupUniqArrayArray(t.session_keys)) AS session_keys, sum(t.inherited_spans) AS inherited_spans,
    sum(t.duplicate_spans) AS duplicate_spans, sum(t.unpriced_turns) AS unpriced_turns,
    max(t.unpriced_usage) AS unpriced_usage,
    arraySlice(arraySort(groupUniqArrayArray(arrayFilter(
        (model, kind, cost) -> kind = 'llm' AND cost IS NULL AND model != '',
        arrayMap((answered, asked) -> if(answered != '', answered, asked),
                 t.calls.response_model, t.calls.request_model),
        t.calls.kind, t.calls.cost_usd))), 1, 100) AS unpriced_models
FROM session_traces AS t FINAL
WHERE t.project_id = {project:String}
  AND t.session_id = {session_id:String}
  AND t.spans > 0
