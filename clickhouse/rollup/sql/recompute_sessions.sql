-- A slice of sessions, recomputed from their traces and written whole. Means are sums over counts; the percentile is
-- exact, from the calls themselves.
INSERT INTO sessions
(
    project_id, session_id, version, user_id, user_ids, started_at, last_active_at, duration_ns, active_ns, traces, spans,
    inherited_spans, duplicate_spans, turns, tool_calls, embeddings, input_tokens, output_tokens, total_tokens,
    cache_read_tokens, cache_write_tokens, reasoning_tokens, cost_usd, unpriced_turns, unpriced_usage, errors,
    error_traces, avg_turn_ns, p95_turn_ns, avg_trace_ns, first_token_ns, session_keys, models, requested_models,
    services, environments, tags, tools, agents, releases, prompts, metadata, scores, input_preview, output_preview,
    sums.since, sums.trace_id, sums.of, sums.model, sums.service, sums.user_id, sums.users, sums.environments, sums.tags,
    sums.failed, sums.metadata, sums.scores, sums.turns, sums.errors, sums.unpriced_turns, sums.input_tokens,
    sums.output_tokens, sums.cache_read_tokens, sums.cache_write_tokens, sums.reasoning_tokens, sums.cost_usd,
    sums.traces, sums.model_traces, sums.service_traces, sums.user_traces, sums.model_service_traces,
    sums.model_user_traces, sums.service_user_traces, sums.user_ns, sums.started_at, sums.ended_at
)
WITH
    'Tuple(
        numbers Array(UInt64), start_ns Int64, end_ns Int64, user_id String, user_since_ns Int64,
        lists Array(Array(String)), metadata Array(Tuple(String, String)),
        scores Array(Tuple(String, Nullable(Float64), String)), turns_ns Array(UInt64), keys Array(String),
        sums Array(Array(UInt64)))' AS part_type,
    'Tuple(
        since Int64, trace_id String, of String, model String, service String, user_id String, users Array(String),
        environments Array(String), tags Array(String), failed Bool, metadata Array(Tuple(String, String)),
        scores Array(Tuple(String, Nullable(Float64), String)))' AS key_type,
    (whole, pico, known) -> if(known = 0, NULL, toDecimal128(whole, 12) + toDecimal128(pico, 0) * toDecimal128('1e-12', 12))
        AS usd,
    (whole, rest) -> toInt128(whole) * 1000000000 + rest AS ns,
    arraySort(arrayConcat(scored, own)) AS scores,  -- a mean must not depend on who came first
    nanoseconds -> fromUnixTimestamp64Nano(nanoseconds, 'UTC') AS time
SELECT
    project_id, session_id, fromUnixTimestamp64Micro({version:Int64}, 'UTC'), first_user, l[1] AS user_ids,
    time(first_start), time(last_end), toUInt64(last_end - first_start) AS duration_ns, active_ns, n[19] AS traces,
    n[1] AS spans, n[2] AS inherited_spans, n[3] AS duplicate_spans, n[4] AS turns, n[5] AS tool_calls,
    n[6] AS embeddings, n[7] AS input_tokens, n[8] AS output_tokens, input_tokens + output_tokens,
    n[9] AS cache_read_tokens, n[10] AS cache_write_tokens, n[11] AS reasoning_tokens, usd(n[12], n[13], n[14]),
    n[15] AS unpriced_turns, n[16] > 0 AS unpriced_usage, n[17] AS errors, n[18] AS error_traces,
    if(turns = 0, NULL, ns(n[23], n[20]) / turns) AS avg_turn_ns, if(turns = 0, NULL, p95), if(traces = 0, NULL, traces_ns / traces),
    if(n[22] = 0, NULL, ns(n[24], n[21]) / n[22]) AS first_token_ns, l[2] AS session_keys, l[3] AS models,
    l[4] AS requested_models, l[5] AS services, l[6] AS environments, l[7] AS tags, l[8] AS tools, l[9] AS agents,
    l[10] AS releases, l[11] AS prompts, metadata,
    -- a score may be a number, a label, or both: numbers have a mean by name, labels a count by name and label
    arraySort(arrayConcat(
        arrayMap(named -> (named, arrayAvg(x -> assumeNotNull(x.2), arrayFilter(x -> x.1 = named AND x.2 IS NOT NULL, scores)),
                           '', arrayCount(x -> x.1 = named AND x.2 IS NOT NULL, scores)),
                 arrayDistinct(arrayMap(x -> x.1, arrayFilter(x -> x.2 IS NOT NULL, scores)))),
        arrayMap(key -> (key.1, NULL, key.2, arrayCount(x -> x.1 = key.1 AND x.3 = key.2, scores)),
                 arrayDistinct(arrayMap(x -> (x.1, x.3), arrayFilter(x -> x.3 != '', scores)))))),
    input_preview, output_preview,
    arrayMap(key -> toDateTime64(key.since, 0, 'UTC'), keys), keys.trace_id, keys.of, keys.model, keys.service,
    keys.user_id, keys.users, keys.environments, keys.tags, keys.failed, keys.metadata, keys.scores,
    arrayMap(x -> x[1], sums), arrayMap(x -> x[2], sums), arrayMap(x -> x[3], sums), arrayMap(x -> x[4], sums),
    arrayMap(x -> x[5], sums), arrayMap(x -> x[6], sums), arrayMap(x -> x[7], sums), arrayMap(x -> x[8], sums),
    arrayMap(x -> usd(x[9], x[10], x[11]), sums), arrayMap(x -> x[12], sums), arrayMap(x -> x[13], sums),
    arrayMap(x -> x[14], sums), arrayMap(x -> x[15], sums), arrayMap(x -> x[16], sums), arrayMap(x -> x[17], sums),
    arrayMap(x -> x[18], sums), arrayMap(x -> x[19], sums), arrayMap(x -> time(x), starts), arrayMap(x -> time(x), ends)
FROM
(
    SELECT
        project_id, session_id,
        argMinIf(p.user_id, (p.user_since_ns, trace_id), p.user_id != '') AS first_user,
        minIf(p.start_ns, notEmpty(p.numbers)) AS first_start, maxIf(p.end_ns, notEmpty(p.numbers)) AS last_end,
        toUInt64(intervalLengthSumIf(p.start_ns, p.end_ns, p.end_ns > p.start_ns)) AS active_ns,
        sumForEach(p.numbers) AS n, quantileExactInclusiveArray(0.95)(p.turns_ns) AS p95,
        sum(toInt128(p.end_ns - p.start_ns)) AS traces_ns,
        arrayMap(values -> arraySort(values), groupUniqArrayArrayForEach(p.lists)) AS l,
        arraySort(groupUniqArrayArray(p.metadata)) AS metadata,
        groupArrayArray(p.scores) AS scored,
        argMinIf(input_preview, (p.start_ns, trace_id), input_preview != '') AS input_preview,
        argMaxIf(output_preview, (p.start_ns, trace_id), output_preview != '') AS output_preview,
        -- by key; the three agree on the order of keys
        sumForEachMap(mapFromArrays(p.keys, p.sums)) AS added, mapValues(added) AS sums,
        arrayMap(key -> JSONExtract(key, key_type), mapKeys(added)) AS keys,
        mapValues(minMap(mapFromArrays(p.keys, arrayWithConstant(length(p.keys), p.start_ns)))) AS starts,
        mapValues(maxMap(mapFromArrays(p.keys, arrayWithConstant(length(p.keys), p.end_ns)))) AS ends
    FROM
    (
        SELECT project_id, session_id, trace_id, input_preview, output_preview, JSONExtract(part, part_type) AS p
        FROM {everywhere:Identifier}.session_traces FINAL
        WHERE (project_id, session_id) IN (SELECT project_id, session_id FROM slice)
    )
    GROUP BY project_id, session_id
) AS t
LEFT JOIN
(
    SELECT project_id, session_id, groupArray((name, value, label)) AS own
    FROM {everywhere:Identifier}.scores FINAL
    WHERE trace_id = '' AND (project_id, trace_id, session_id) IN (SELECT project_id, '', session_id FROM slice)
    GROUP BY project_id, session_id
) AS o USING (project_id, session_id)
