-- GenAI spans as an SDK sends them: a request, two LLM calls and the tool between, prose that is new in every span.
INSERT INTO spans
(
    project_id, trace_id, span_id, parent_span_id, name, kind, started_at, ended_at, status, service, scope_name,
    resource_attributes, attributes, session_id, session_key, user_id, call_kind, dialect, operation, provider,
    request_model, response_model, response_id, input_tokens, output_tokens, cache_read_tokens, cost_usd, cost_source,
    first_token_ns, finish_reasons, failed, error_type, tool_name, environment, release, tags, metadata,
    input_messages, output_messages, input_preview, output_preview, received_at
)
WITH
    number % 4 AS part,
    intDiv(number, 4) AS trace,
    intDiv(trace, {traces_per_session:UInt32}) AS session,
    -- sessions lie anywhere in the last thirty days; their traces follow each other by minutes
    toUInt64({until_ns:Int64}) - (cityHash64(session, 'at') % (30 * 86400)) * 1000000000
        - (trace % {traces_per_session:UInt32}) * 120000000000 - 4000000000 + part * 900000000 AS start_ns,
    part % 2 = 1 AS is_llm,
    is_llm AND cityHash64(number, 'failed') % 50 = 0 AS is_failed,
    ['gpt-4o-mini', 'gpt-4o', 'claude-sonnet-4-5', 'gemini-2.5-pro'][1 + cityHash64(session, 'model') % 4] AS model,
    -- prose: a piece of a long text that no other span has; the text is longer than any compressor looks back
    (SELECT any(text) FROM corpus) AS corpus,
    substring(corpus, 1 + cityHash64(number, 'prose') % (length(corpus) - 1400), 1300) AS prose,
    if(is_llm, concat('[{"role":"user","parts":[{"type":"text","content":"', substring(prose, 1, 900), '"}]}]'), '') AS input,
    if(is_llm, concat('[{"role":"assistant","parts":[{"type":"text","content":"', substring(prose, 901, 400), '"}]}]'), '') AS output
SELECT
    'bench', lower(hex(MD5(toString(trace)))), lower(hex(sipHash64(number))),
    if(part = 0, '', lower(hex(sipHash64(trace * 4)))), ['handle_message', 'chat', 'execute_tool get_weather', 'chat'][part + 1],
    ['server', 'client', 'internal', 'client'][part + 1], fromUnixTimestamp64Nano(toInt64(start_ns), 'UTC'),
    fromUnixTimestamp64Nano(toInt64(start_ns + if(part = 0, 3600000000, 800000000) + cityHash64(number) % 500000000), 'UTC'),
    if(is_failed, 'error', 'unset'), concat('chatbot-', toString(cityHash64(session, 'service') % 5)), 'openai',
    map('service.name', 'chatbot', 'service.version', '1.4.2', 'telemetry.sdk.language', 'python', 'host.name', concat('pod-', toString(trace % 40))),
    map('gen_ai.request.temperature', '0.7', 'server.address', 'api.openai.com', 'server.port', '443', 'gen_ai.request.max_tokens', '512'),
    if(part = 0, concat('conv-', toString(session)), ''), if(part = 0, 'session.id', ''),
    if(part = 0, concat('user-', toString(session % {users:UInt32})), ''), ['', 'llm', 'tool', 'llm'][part + 1],
    if(part = 0, '', 'otel_genai'), ['', 'chat', 'execute_tool', 'chat'][part + 1], if(is_llm, 'openai', ''),
    if(is_llm, model, ''), if(is_llm AND NOT is_failed, model, ''),
    if(is_llm AND NOT is_failed, concat('chatcmpl-', toString(number)), ''),
    if(is_llm AND NOT is_failed, 100 + cityHash64(number, 'in') % 3000, NULL),
    if(is_llm AND NOT is_failed, 10 + cityHash64(number, 'out') % 500, NULL),
    if(is_llm AND NOT is_failed, cityHash64(number, 'cache') % 100, NULL),
    if(is_llm AND NOT is_failed, toDecimal64((cityHash64(number, 'cost') % 100000) / 1000000, 12), NULL),
    if(is_llm, 'computed', ''), if(is_llm, 100000000 + cityHash64(number, 'wait') % 400000000, NULL),
    if(is_llm AND NOT is_failed, ['stop'], []), is_failed, if(is_failed, 'RateLimitError', ''),
    if(part = 2, 'get_weather', ''), ['prod', 'staging'][1 + session % 2], '1.4.2', if(session % 10 = 0, ['vip'], []),
    map('plan', ['free', 'pro'][1 + session % 2]), input, output, substring(prose, 1, if(is_llm, 500, 0)),
    substring(prose, 901, if(is_llm, 400, 0)), now64(6)
FROM numbers({first:UInt64}, {count:UInt64})
