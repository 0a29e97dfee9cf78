-- What a worker writes for spans such as load_spans.sql makes, for a slice of them: so that a large database can be
-- looked at without waiting for the worker. What the worker itself costs is measured apart, on traces of its own.
INSERT INTO session_traces
(
    project_id, session_id, trace_id, version, name, started_at, ended_at, spans, inherited_spans, turns, tool_calls,
    input_tokens, output_tokens, cache_read_tokens, cost_usd, errors, failed, user_id, user_since, user_ids,
    session_keys, models, requested_models, services, environments, tags, tools, releases, metadata, input_preview,
    output_preview, calls.span_id, calls.kind, calls.name, calls.provider, calls.request_model, calls.response_model,
    calls.service, calls.user_id, calls.started_at, calls.duration_ns, calls.first_token_ns, calls.input_tokens,
    calls.output_tokens, calls.cache_read_tokens, calls.cache_write_tokens, calls.reasoning_tokens, calls.cost_usd,
    calls.cost_source, calls.failed, calls.error_type, calls.finish_reasons, calls.tool_name, calls.members, part
)
WITH
    call -> (intDiv(toUnixTimestamp(call.9), 1800) * 1800, if(call.6 != '', call.6, call.5), call.7) AS key_of,
    arrayDistinct(arrayMap(call -> key_of(call), own)) AS keys,
    arrayMap(key -> arrayFilter(call -> key_of(call) = key, own), keys) AS calls,
    arrayUniq(keys.1) = 1 AS alone,
    arrayMap(at -> at = 1, arrayEnumerate(keys)) AS firsts,
    arrayMap(at -> at = 1, arrayEnumerateUniq(keys.2)) AS first_of_model,
    arrayFilter((ns, kind) -> kind = 'llm', own.10, own.2) AS turns_ns,
    arrayMap(ns -> assumeNotNull(ns), arrayFilter((ns, kind) -> kind = 'llm', own.11, own.2)) AS waits_ns,
    toUInt64(toUnixTimestamp64Nano(last) - toUnixTimestamp64Nano(first)) AS duration_ns,
    mine -> arraySum(call -> ifNull(call.15, 0), mine) AS cost_of,
    usd -> toUInt64(floor(ifNull(usd, 0))) AS whole_usd,
    usd -> toUInt64((toDecimal128(ifNull(usd, 0), 12) - floor(ifNull(usd, 0))) * 1000000000000) AS pico_usd
SELECT
    project, session, trace, fromUnixTimestamp64Micro({version:Int64}, 'UTC'), root, first, last, n, n - 1, turns, tools,
    input_sum, output_sum, cached_sum, cost, errors, failure, user, first, [user], ['session.id'], models, models, services,
    environments, tags, tool_names, releases, metadata, asked, answered,
    own.1, own.2, own.3, own.4, own.5, own.6, own.7, arrayMap(call -> user, own), own.9, own.10, own.11,
    own.12, own.13, own.14, arrayMap(call -> NULL, own), arrayMap(call -> NULL, own), own.15, own.16, own.17, own.18,
    own.19, own.20, arrayMap(call -> CAST([], 'Array(String)'), own),
    -- as clickhouse/rollup/part.py and sums.py have it
    formatRowNoNewline('JSONCompactEachRow',
        [n, n - 1, 0, turns, tools, 0, input_sum, output_sum, cached_sum, 0, 0, whole_usd(cost), pico_usd(cost), isNotNull(cost),
         0, 0, errors, failure, 1, arraySum(turns_ns), arraySum(waits_ns), length(waits_ns)],
        toUnixTimestamp64Nano(first), toUnixTimestamp64Nano(last), user, toUnixTimestamp64Nano(first),
        [[user], ['session.id'], models, models, services, environments, tags, tool_names, [], releases, []],
        arrayMap(pair -> (pair.1, pair.2), metadata), [], turns_ns,
        arrayMap(key -> (key.1, if(alone, '', trace), 'calls', key.2, key.3, user, CAST([], 'Array(String)'), environments,
                         tags, failure, arrayMap(pair -> (pair.1, pair.2), metadata), CAST([], 'Array(String)')), keys),
        arrayMap((mine, is_first, is_first_of_model) -> [
            arrayCount(call -> call.2 = 'llm', mine), arrayCount(call -> call.2 = 'llm' AND call.17, mine),
            arrayCount(call -> call.2 = 'llm' AND call.15 IS NULL AND NOT call.17, mine),
            arraySum(call -> ifNull(call.12, 0), mine), arraySum(call -> ifNull(call.13, 0), mine),
            arraySum(call -> ifNull(call.14, 0), mine), 0, 0, whole_usd(cost_of(mine)), pico_usd(cost_of(mine)),
            arrayCount(call -> call.15 IS NOT NULL, mine), is_first, is_first_of_model, is_first, is_first, 1,
            is_first_of_model, is_first, is_first * duration_ns], calls, firsts, first_of_model))
FROM
(
    SELECT
        f.project_id AS project, max(f.session_id) AS session, f.trace_id AS trace, argMin(f.name, f.started_at) AS root,
        min(f.started_at) AS first, max(f.ended_at) AS last, count() AS n, countIf(call_kind = 'llm') AS turns,
        countIf(call_kind = 'tool') AS tools, sum(ifNull(f.input_tokens, 0)) AS input_sum,
        sum(ifNull(f.output_tokens, 0)) AS output_sum, sum(ifNull(f.cache_read_tokens, 0)) AS cached_sum,
        sum(f.cost_usd) AS cost, countIf(call_kind = 'llm' AND f.failed) AS errors, max(f.failed) AS failure,
        max(f.user_id) AS user, groupUniqArrayIf(request_model, request_model != '') AS models,
        groupUniqArray(service) AS services, groupUniqArray(environment) AS environments,
        groupUniqArrayArray(f.tags) AS tags, groupUniqArrayIf(tool_name, tool_name != '') AS tool_names,
        groupUniqArray(release) AS releases, [('plan', any(f.metadata['plan']))] AS metadata,
        argMinIf(f.input_preview, f.started_at, call_kind = 'llm') AS asked,
        argMaxIf(f.output_preview, f.started_at, call_kind = 'llm') AS answered,
        arrayFilter(call -> call.2 != '', arraySort(call -> call.9, groupArray((
            span_id, toString(call_kind), toString(f.name), toString(provider), toString(request_model),
            toString(response_model), toString(service), f.user_id, f.started_at,
            toUInt64(toUnixTimestamp64Nano(f.ended_at) - toUnixTimestamp64Nano(f.started_at)), first_token_ns,
            f.input_tokens, f.output_tokens, f.cache_read_tokens, f.cost_usd, toString(cost_source), f.failed,
            toString(error_type), CAST(finish_reasons, 'Array(String)'), toString(tool_name))))) AS own
    FROM spans AS f
    WHERE cityHash64(trace_id) % {slices:UInt32} = {part:UInt32}
    GROUP BY project_id, trace_id
)
