-- Spans are the truth. A span sent twice is two rows of one identity until a merge; the greater version is the span.

-- shard by cityHash64(project_id, trace_id)
CREATE TABLE IF NOT EXISTS spans
(
    project_id           LowCardinality(String) CODEC(ZSTD(1)),
    trace_id             String CODEC(ZSTD(1)),
    span_id              String CODEC(ZSTD(1)),
    parent_span_id       String CODEC(ZSTD(1)),
    trace_state          String CODEC(ZSTD(1)),
    flags                UInt32 CODEC(T64, ZSTD(1)),
    name                 LowCardinality(String) CODEC(ZSTD(1)),
    kind                 LowCardinality(String) CODEC(ZSTD(1)),
    started_at           DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    ended_at             DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    sent_start_ns        Nullable(UInt64) CODEC(ZSTD(1)),
    sent_end_ns          Nullable(UInt64) CODEC(ZSTD(1)),
    status               LowCardinality(String) CODEC(ZSTD(1)),
    status_message       String CODEC(ZSTD(1)),
    service              LowCardinality(String) CODEC(ZSTD(1)),
    scope_name           LowCardinality(String) CODEC(ZSTD(1)),
    scope_version        LowCardinality(String) CODEC(ZSTD(1)),
    scope_attributes     Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    scope_schema_url     LowCardinality(String) CODEC(ZSTD(1)),
    resource_attributes  Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    resource_schema_url  LowCardinality(String) CODEC(ZSTD(1)),
    attributes           Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    events               Nested(
                             at DateTime64(9, 'UTC'), name LowCardinality(String),
                             attributes Map(LowCardinality(String), String), dropped_attributes UInt32) CODEC(ZSTD(1)),
    links                Nested(
                             trace_id String, span_id String, trace_state String, flags UInt32,
                             attributes Map(LowCardinality(String), String), dropped_attributes UInt32) CODEC(ZSTD(1)),
    dropped_attributes   UInt32 CODEC(T64, ZSTD(1)),
    dropped_events       UInt32 CODEC(T64, ZSTD(1)),
    dropped_links        UInt32 CODEC(T64, ZSTD(1)),
    flaws                Array(LowCardinality(String)) CODEC(ZSTD(1)),

    -- whom it belongs to: what the span itself says, the three kinds apart, and the export request's default
    session_id           String CODEC(ZSTD(1)),
    conversation_id      String CODEC(ZSTD(1)),
    resource_session_id  String CODEC(ZSTD(1)),
    default_session_id   String CODEC(ZSTD(1)),
    session_key          LowCardinality(String) CODEC(ZSTD(1)),
    user_id              String CODEC(ZSTD(1)),
    resource_user_id     String CODEC(ZSTD(1)),
    default_user_id      String CODEC(ZSTD(1)),
    user_key             LowCardinality(String) CODEC(ZSTD(1)),

    -- the call
    call_kind            LowCardinality(String) CODEC(ZSTD(1)),
    dialect              LowCardinality(String) CODEC(ZSTD(1)),
    operation            LowCardinality(String) CODEC(ZSTD(1)),
    provider             LowCardinality(String) CODEC(ZSTD(1)),
    request_model        LowCardinality(String) CODEC(ZSTD(1)),
    response_model       LowCardinality(String) CODEC(ZSTD(1)),
    response_id          String CODEC(ZSTD(1)),
    input_tokens         Nullable(UInt64) CODEC(T64, ZSTD(1)),
    output_tokens        Nullable(UInt64) CODEC(T64, ZSTD(1)),
    cache_read_tokens    Nullable(UInt64) CODEC(T64, ZSTD(1)),
    cache_write_tokens   Nullable(UInt64) CODEC(T64, ZSTD(1)),
    reasoning_tokens     Nullable(UInt64) CODEC(T64, ZSTD(1)),
    cost_usd             Nullable(Decimal(18, 12)) CODEC(ZSTD(1)),
    cost_source          LowCardinality(String) CODEC(ZSTD(1)),
    price_source         LowCardinality(String) CODEC(ZSTD(1)),
    first_token_ns       Nullable(UInt64) CODEC(T64, ZSTD(1)),
    finish_reasons       Array(LowCardinality(String)) CODEC(ZSTD(1)),
    failed               Bool CODEC(ZSTD(1)),
    error_type           LowCardinality(String) CODEC(ZSTD(1)),
    error_message        String CODEC(ZSTD(1)),
    tool_name            LowCardinality(String) CODEC(ZSTD(1)),
    tool_call_id         String CODEC(ZSTD(1)),
    agent_name           LowCardinality(String) CODEC(ZSTD(1)),
    prompt_name          LowCardinality(String) CODEC(ZSTD(1)),
    prompt_version       LowCardinality(String) CODEC(ZSTD(1)),
    release              LowCardinality(String) CODEC(ZSTD(1)),
    environment          LowCardinality(String) CODEC(ZSTD(1)),
    tags                 Array(LowCardinality(String)) CODEC(ZSTD(1)),
    metadata             Map(LowCardinality(String), String) CODEC(ZSTD(1)),

    -- content: what was said. It may expire before the numbers do (content_until; 1970 is never)
    input_messages       String CODEC(ZSTD(1)),
    output_messages      String CODEC(ZSTD(1)),
    system_instructions  String CODEC(ZSTD(1)),
    tool_definitions     String CODEC(ZSTD(1)),
    tool_arguments       String CODEC(ZSTD(1)),
    tool_result          String CODEC(ZSTD(1)),
    content_attributes   Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    input_preview        String CODEC(ZSTD(1)),
    output_preview       String CODEC(ZSTD(1)),
    content_until        DateTime('UTC') CODEC(ZSTD(1)),

    -- what a search for words looks at: the messages without the JSON around them, in lower case, and without what the
    -- tokenizer leaves inside words: who looks for `queue` means `queue.py` as well
    said                 String ALIAS translate(lowerUTF8(
                             replaceAll(replaceAll(replaceAll(replaceAll(replaceAll(replaceAll(replaceAll(replaceAll(
                             replaceAll(replaceAll(replaceAll(concat(
                                 input_messages, ' ', output_messages, ' ', tool_arguments, ' ', tool_result),
                             '"role":"user"', ' '), '"role":"assistant"', ' '), '"role":"system"', ' '),
                             '"role":"tool"', ' '), '"parts":', ' '), '"type":"text"', ' '),
                             '"type":"tool_call_response"', ' '), '"type":"tool_call"', ' '), '"content":', ' '),
                             '\\n', ' '), '\\t', ' ')), '._:\'', '    '),

    retention_days       UInt16 CODEC(T64, ZSTD(1)),  -- 0 is for ever
    received_at          DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    stored_at            DateTime64(6, 'UTC') DEFAULT now64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),

    -- The last received wins, ties by the larger end, beyond that by the greater hash of the row.
    version              UInt256 DEFAULT bitOr(
                             bitShiftLeft(toUInt256(toUInt64(toUnixTimestamp64Micro(received_at))), 128), bitOr(
                             bitShiftLeft(toUInt256(toUInt64(toUnixTimestamp64Nano(ended_at))), 64), toUInt256(cityHash64(
                                 parent_span_id, name, kind, started_at, status, status_message, scope_name, service,
                                 attributes, resource_attributes, events.name, events.attributes, session_id,
                                 conversation_id, resource_session_id, default_session_id, user_id, resource_user_id,
                                 default_user_id, call_kind, provider, request_model, response_model, response_id,
                                 failed, error_type, tool_name, agent_name, prompt_name, release, environment, tags,
                                 metadata, finish_reasons, input_messages, output_messages, tool_arguments, tool_result,
                                 content_attributes, input_preview, output_preview, cost_source,
                                 -- null is not zero, and a null argument would make the whole hash null
                                 ifNull(input_tokens, 18446744073709551615), ifNull(output_tokens, 18446744073709551615),
                                 ifNull(cache_read_tokens, 18446744073709551615),
                                 ifNull(cache_write_tokens, 18446744073709551615),
                                 ifNull(reasoning_tokens, 18446744073709551615),
                                 ifNull(first_token_ns, 18446744073709551615), ifNull(cost_usd, -1))))) CODEC(ZSTD(1)),

    INDEX by_session session_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_attribute mapKeys(attributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_stored stored_at TYPE minmax GRANULARITY 1,
    -- Words of ASCII letters and digits, every other character by itself: so Chinese and Japanese are found inside a
    -- sentence. Built neither by inserts (WRITE_SETTINGS in connect.py), which would take twice as long, nor by merges, of
    -- which each would build it again, but by the worker once spans have come to rest (clickhouse/rollup/words.py).
    INDEX by_words said TYPE text(tokenizer = 'asciiCJK')
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toDate(started_at)
PRIMARY KEY (project_id, toStartOfHour(started_at), trace_id)
-- started_at ends the key because FINAL prunes no partitions unless the partition's column is in the sort key (26.3+)
ORDER BY (project_id, toStartOfHour(started_at), trace_id, span_id, started_at)
-- A trace is read by itself, so granules are small; prompts are large, so that no fewer rows than these make one.
-- Measured: of 1,024 rows they are twice as much to read for a trace, of 256 a fifth more CPU in merges and 6 % more disk.
-- What one insert brings is one file, not one for each of 150 streams: 15 us of CPU a span instead of 41; and of such
-- parts a trace is read in half the time. Columns merge one by one from the first row on: a fifth less.
SETTINGS index_granularity = 512, index_granularity_bytes = '64Mi', min_bytes_for_wide_part = '64Mi',
    vertical_merge_algorithm_min_rows_to_activate = 1, exclude_materialize_skip_indexes_on_merge = 'by_words';
