-- What an app has sent for a while, as the Collector's ClickHouse exporter keeps it: traces of a request, two LLM calls
-- and the tool between, at any time of that while.
INSERT INTO otel_traces
(
    Timestamp, TraceId, SpanId, ParentSpanId, SpanName, SpanKind, ServiceName, ResourceAttributes, ScopeName,
    SpanAttributes, Duration, StatusCode
)
WITH
    number % 4 AS part,
    intDiv(number, 4) AS trace,
    intDiv(trace, 5) AS session,
    part % 2 = 1 AS is_llm,
    {until_ns:Int64} - toInt64(cityHash64(session, 'at') % ({hours:UInt32} * 3600000)) * 1000000
        - (trace % 5) * 120000000000 - 4000000000 + part * 900000000 AS start_ns,
    (SELECT any(text) FROM corpus) AS corpus,
    substring(corpus, 1 + cityHash64(number, 'prose') % (length(corpus) - 1400), 1300) AS prose
SELECT
    fromUnixTimestamp64Nano(start_ns), lower(hex(MD5(toString(trace)))), lower(hex(reinterpretAsFixedString(sipHash64(number)))),
    if(part = 0, '', lower(hex(reinterpretAsFixedString(sipHash64(trace * 4))))),
    ['handle_message', 'chat gpt-4o', 'execute_tool get_weather', 'chat gpt-4o'][part + 1],
    ['Server', 'Client', 'Internal', 'Client'][part + 1], 'chatbot',
    map('service.name', 'chatbot', 'service.version', '1.4.2', 'host.name', concat('pod-', toString(trace % 40))), 'openai',
    multiIf(
        part = 0, map('session.id', concat('conv-', toString(session)), 'user.id', concat('user-', toString(session % 1000))),
        part = 2, map('gen_ai.operation.name', 'execute_tool', 'gen_ai.tool.name', 'get_weather'),
        map(
            'gen_ai.operation.name', 'chat', 'gen_ai.provider.name', 'openai', 'gen_ai.request.model', 'gpt-4o',
            'gen_ai.response.model', 'gpt-4o-2024-08-06', 'gen_ai.response.id', concat('chatcmpl-', toString(number)),
            'gen_ai.usage.input_tokens', toString(100 + cityHash64(number, 'in') % 3000),
            'gen_ai.usage.output_tokens', toString(10 + cityHash64(number, 'out') % 500),
            'gen_ai.request.max_tokens', '1024', 'server.address', 'api.openai.com', 'server.port', '443',
            'gen_ai.input.messages',
            concat('[{"role":"user","parts":[{"type":"text","content":"', substring(prose, 1, 900), '"}]}]'),
            'gen_ai.output.messages',
            concat('[{"role":"assistant","parts":[{"type":"text","content":"', substring(prose, 901, 400), '"}]}]')
        )
    ),
    toUInt64(if(part = 0, 3600000000, 800000000)), 'Unset'
FROM numbers({spans:UInt64})
