-- A slice of sessions, recomputed from their traces and written whole. Means are sums over counts; the percentile is
-- exact, from the calls themselves.
INSERT INTO sessions
(
    project_id, session_id, version, user_id, user_ids, started_at, last_active_at, duration_ns, active_ns, traces, spans,
    inherited_spans, duplicate_spans, turns, tool_calls, embeddings, input_tokens, output_tokens, total_tokens,
    cache_read_tokens, cache_write_tokens, reasoning_tokens, cost_usd, unpriced_turns, unpriced_usage, errors,
    error_traces, avg_turn_ns, p95_turn_ns, avg_trace_ns, first_token_ns, session_keys, models, requested_models,
    services, environments, tags, tools, agents, releases, prompts, metadata, scores, input_preview, output_preview
)
WITH
    t.spans > 0 AS live,
    toUnixTimestamp64Nano(t.started_at) AS start_ns,
    toUnixTimestamp64Nano(t.ended_at) AS end_ns,
    arrayFilter((duration, kind) -> kind = 'llm', t.calls.duration_ns, t.calls.kind) AS turn_ns,
    arrayFilter((wait, kind) -> kind = 'llm' AND wait IS NOT NULL, t.calls.first_token_ns, t.calls.kind) AS waits
SELECT
    t.project_id, t.session_id, fromUnixTimestamp64Micro({version:Int64}, 'UTC'),
    argMinIf(t.user_id, (t.user_since, t.trace_id), t.user_id != ''),
    arraySort(groupUniqArrayArray(t.user_ids)),
    minIf(t.started_at, live) AS first_start,
    maxIf(t.ended_at, live) AS last_end,
    toUInt64(toUnixTimestamp64Nano(last_end) - toUnixTimestamp64Nano(first_start)),
    toUInt64(intervalLengthSumIf(start_ns, end_ns, live AND end_ns > start_ns)),
    countIf(live) AS trace_count,
    sum(t.spans), sum(t.inherited_spans), sum(t.duplicate_spans), sum(t.turns), sum(t.tool_calls), sum(t.embeddings),
    sum(t.input_tokens) AS input_sum, sum(t.output_tokens) AS output_sum, input_sum + output_sum,
    sum(t.cache_read_tokens), sum(t.cache_write_tokens), sum(t.reasoning_tokens),
    sum(t.cost_usd), sum(t.unpriced_turns), max(t.unpriced_usage), sum(t.errors), countIf(live AND t.failed),
    if(sum(length(turn_ns)) = 0, NULL, sum(arraySum(turn_ns)) / sum(length(turn_ns))),
    if(sum(length(turn_ns)) = 0, NULL, quantileExactInclusiveArray(0.95)(turn_ns)),
    if(trace_count = 0, NULL, sumIf(end_ns - start_ns, live) / trace_count),
    if(sum(length(waits)) = 0, NULL, sum(arraySum(arrayMap(wait -> assumeNotNull(wait), waits))) / sum(length(waits))),
    arraySort(groupUniqArrayArray(t.session_keys)), arraySort(groupUniqArrayArray(t.models)),
    arraySort(groupUniqArrayArray(t.requested_models)), arraySort(groupUniqArrayArray(t.services)),
    arraySort(groupUniqArrayArray(t.environments)), arraySort(groupUniqArrayArray(t.tags)),
    arraySort(groupUniqArrayArray(t.tools)), arraySort(groupUniqArrayArray(t.agents)),
    arraySort(groupUniqArrayArray(t.releases)), arraySort(groupUniqArrayArray(t.prompts)),
    arraySort(groupUniqArrayArray(t.metadata)),
    -- a score may be a number, a label, or both: numbers have a mean by name, labels a count by name and label
    arraySort(arrayConcat(
        arrayMap(named -> (named, arrayAvg(x -> assumeNotNull(x.2), arrayFilter(x -> x.1 = named AND x.2 IS NOT NULL, all_scores)),
                           '', arrayCount(x -> x.1 = named AND x.2 IS NOT NULL, all_scores)),
                 arrayDistinct(arrayMap(x -> x.1, arrayFilter(x -> x.2 IS NOT NULL, arrayConcat(groupArrayArray(t.scores), any(own.scored)) AS all_scores)))),
        arrayMap(key -> (key.1, NULL, key.2, arrayCount(x -> x.1 = key.1 AND x.3 = key.2, all_scores)),
                 arrayDistinct(arrayMap(x -> (x.1, x.3), arrayFilter(x -> x.3 != '', all_scores)))))),
    argMinIf(t.input_preview, (t.started_at, t.trace_id), t.input_preview != ''),
    argMaxIf(t.output_preview, (t.started_at, t.trace_id), t.output_preview != '')
FROM
(
    SELECT * FROM {everywhere:Identifier}.session_traces FINAL
    WHERE (project_id, session_id) IN (SELECT project_id, session_id FROM slice)
) AS t
LEFT JOIN
(
    SELECT project_id, session_id, groupArray((name, value, label)) AS scored
    FROM {everywhere:Identifier}.scores FINAL
    WHERE trace_id = '' AND (project_id, trace_id, session_id) IN (SELECT project_id, '', session_id FROM slice)
    GROUP BY project_id, session_id
) AS own ON own.project_id = t.project_id AND own.session_id = t.session_id
GROUP BY t.project_id, t.session_id
