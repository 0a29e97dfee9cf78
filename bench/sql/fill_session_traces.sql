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
    calls.cost_source, calls.failed, calls.error_type, calls.finish_reasons, calls.tool_name, calls.members
)
WITH arrayFilter(call -> call.2 != '', arraySort(call -> call.9, groupArray((
    span_id, toString(call_kind), toString(f.name), toString(provider), toString(request_model),
    toString(response_model), toString(service), f.user_id, f.started_at,
    toUInt64(toUnixTimestamp64Nano(f.ended_at) - toUnixTimestamp64Nano(f.started_at)), first_token_ns,
    f.input_tokens, f.output_tokens, f.cache_read_tokens, f.cost_usd, toString(cost_source), f.failed,
    toString(error_type), CAST(finish_reasons, 'Array(String)'), toString(tool_name))))) AS own
SELECT
    project_id, max(f.session_id), trace_id, fromUnixTimestamp64Micro({version:Int64}, 'UTC'), argMin(f.name, f.started_at),
    min(f.started_at), max(f.ended_at), count(), count() - 1, countIf(call_kind = 'llm'), countIf(call_kind = 'tool'),
    sum(ifNull(f.input_tokens, 0)), sum(ifNull(f.output_tokens, 0)), sum(ifNull(f.cache_read_tokens, 0)),
    sum(f.cost_usd), countIf(call_kind = 'llm' AND f.failed), max(f.failed), max(f.user_id), min(f.started_at),
    [max(f.user_id)], ['session.id'], groupUniqArrayIf(request_model, request_model != ''),
    groupUniqArrayIf(request_model, request_model != ''), groupUniqArray(service), groupUniqArray(environment),
    groupUniqArrayArray(f.tags), groupUniqArrayIf(tool_name, tool_name != ''), groupUniqArray(release),
    [('plan', any(f.metadata['plan']))], argMinIf(f.input_preview, f.started_at, call_kind = 'llm'),
    argMaxIf(f.output_preview, f.started_at, call_kind = 'llm'),
    own.1, own.2, own.3, own.4, own.5, own.6, own.7, arrayMap(call -> max(f.user_id), own), own.9, own.10, own.11,
    own.12, own.13, own.14, arrayMap(call -> NULL, own), arrayMap(call -> NULL, own), own.15, own.16, own.17, own.18,
    own.19, own.20, arrayMap(call -> CAST([], 'Array(String)'), own)
FROM spans AS f
WHERE cityHash64(trace_id) % {slices:UInt32} = {part:UInt32}
GROUP BY project_id, trace_id
