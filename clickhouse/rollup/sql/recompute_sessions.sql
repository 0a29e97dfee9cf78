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
    p.spans > 0 AS live,
    fromUnixTimestamp64Nano(p.start_ns, 'UTC') AS started,
    fromUnixTimestamp64Nano(p.end_ns, 'UTC') AS ended
SELECT
    t.project_id, t.session_id, fromUnixTimestamp64Micro({version:Int64}, 'UTC'),
    argMinIf(p.user_id, (p.user_since_ns, t.trace_id), p.user_id != ''),
    arraySort(groupUniqArrayArray(p.user_ids)),
    minIf(started, live) AS first_start,
    maxIf(ended, live) AS last_end,
    toUInt64(toUnixTimestamp64Nano(last_end) - toUnixTimestamp64Nano(first_start)),
    toUInt64(intervalLengthSumIf(p.start_ns, p.end_ns, live AND p.end_ns > p.start_ns)),
    countIf(live) AS trace_count,
    sum(p.spans), sum(p.inherited_spans), sum(p.duplicate_spans), sum(p.turns), sum(p.tool_calls), sum(p.embeddings),
    sum(p.input_tokens) AS input_sum, sum(p.output_tokens) AS output_sum, input_sum + output_sum,
    sum(p.cache_read_tokens), sum(p.cache_write_tokens), sum(p.reasoning_tokens),
    sum(p.cost_usd), sum(p.unpriced_turns), max(p.unpriced_usage), sum(p.errors), countIf(live AND p.failed),
    if(sum(length(p.turn_ns)) = 0, NULL, sum(arraySum(p.turn_ns)) / sum(length(p.turn_ns))),
    if(sum(length(p.turn_ns)) = 0, NULL, quantileExactInclusiveArray(0.95)(p.turn_ns)),
    if(trace_count = 0, NULL, sumIf(p.end_ns - p.start_ns, live) / trace_count),
    if(sum(length(p.waits_ns)) = 0, NULL, sum(arraySum(p.waits_ns)) / sum(length(p.waits_ns))),
    arraySort(groupUniqArrayArray(p.session_keys)), arraySort(groupUniqArrayArray(p.models)),
    arraySort(groupUniqArrayArray(p.requested_models)), arraySort(groupUniqArrayArray(p.services)),
    arraySort(groupUniqArrayArray(p.environments)), arraySort(groupUniqArrayArray(p.tags)),
    arraySort(groupUniqArrayArray(p.tools)), arraySort(groupUniqArrayArray(p.agents)),
    arraySort(groupUniqArrayArray(p.releases)), arraySort(groupUniqArrayArray(p.prompts)),
    arraySort(groupUniqArrayArray(p.metadata)),
    -- a score may be a number, a label, or both: numbers have a mean by name, labels a count by name and label
    arraySort(arrayConcat(
        arrayMap(named -> (named, arrayAvg(x -> assumeNotNull(x.2), arrayFilter(x -> x.1 = named AND x.2 IS NOT NULL, all_scores)),
                           '', arrayCount(x -> x.1 = named AND x.2 IS NOT NULL, all_scores)),
                 arrayDistinct(arrayMap(x -> x.1, arrayFilter(x -> x.2 IS NOT NULL, arrayConcat(groupArrayArray(p.scores), any(own.scored)) AS all_scores)))),
        arrayMap(key -> (key.1, NULL, key.2, arrayCount(x -> x.1 = key.1 AND x.3 = key.2, all_scores)),
                 arrayDistinct(arrayMap(x -> (x.1, x.3), arrayFilter(x -> x.3 != '', all_scores)))))),
    argMinIf(t.input_preview, (p.start_ns, t.trace_id), t.input_preview != ''),
    argMaxIf(t.output_preview, (p.start_ns, t.trace_id), t.output_preview != '')
FROM
(
    SELECT project_id, session_id, trace_id, input_preview, output_preview,
           JSONExtract(part, 'Tuple(
               spans UInt64, start_ns Int64, end_ns Int64, inherited_spans UInt64, duplicate_spans UInt64, turns UInt64,
               tool_calls UInt64, embeddings UInt64, input_tokens UInt64, output_tokens UInt64,
               cache_read_tokens UInt64, cache_write_tokens UInt64, reasoning_tokens UInt64,
               cost_usd Nullable(Decimal(38, 12)), unpriced_turns UInt64, unpriced_usage Bool, errors UInt64, failed Bool,
               user_id String, user_since_ns Int64, user_ids Array(String), session_keys Array(String),
               models Array(String), requested_models Array(String), services Array(String),
               environments Array(String), tags Array(String), tools Array(String), agents Array(String),
               releases Array(String), prompts Array(String), metadata Array(Tuple(key String, value String)),
               scores Array(Tuple(name String, value Nullable(Float64), label String)), turn_ns Array(UInt64),
               waits_ns Array(UInt64))') AS p
    FROM {everywhere:Identifier}.session_traces FINAL
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
