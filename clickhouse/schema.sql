-- What the migrations add up to. Written by `python -m clickhouse.schema`; a test keeps it true.

CREATE TABLE dead_spans
(
    `removal` UUID,
    `project_id` LowCardinality(String),
    `trace_id` String CODEC(ZSTD(1)),
    `span_id` String CODEC(ZSTD(1)),
    `hour` DateTime('UTC') CODEC(ZSTD(1)),
    `listed_at` DateTime('UTC') DEFAULT now()
)
ENGINE = MergeTree
ORDER BY (removal, project_id, hour, trace_id)
TTL listed_at + toIntervalDay(1)
SETTINGS index_granularity = 8192;

CREATE TABLE finished_traces
(
    `project_id` LowCardinality(String),
    `trace_id` String CODEC(ZSTD(1)),
    `version` DateTime64(6, 'UTC')
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (project_id, trace_id)
SETTINGS index_granularity = 8192;

CREATE TABLE half_hours
(
    `project_id` LowCardinality(String) CODEC(ZSTD(1)),
    `since` DateTime64(0, 'UTC') CODEC(Delta(8), ZSTD(1)),
    `session_id` String CODEC(ZSTD(1)),
    `version` DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    `recomputed_at` DateTime64(6, 'UTC') DEFAULT now64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    `started_at` DateTime64(9, 'UTC') CODEC(Delta(8), LZ4),
    `last_active_at` DateTime64(9, 'UTC') CODEC(Delta(8), LZ4),
    `duration_ns` UInt64 CODEC(T64, LZ4),
    `sums.trace_id` Array(String) CODEC(LZ4),
    `sums.of` Array(String) CODEC(LZ4),
    `sums.model` Array(String) CODEC(LZ4),
    `sums.service` Array(String) CODEC(LZ4),
    `sums.user_id` Array(String) CODEC(LZ4),
    `sums.users` Array(Array(String)) CODEC(LZ4),
    `sums.environments` Array(Array(String)) CODEC(LZ4),
    `sums.tags` Array(Array(String)) CODEC(LZ4),
    `sums.failed` Array(Bool) CODEC(LZ4),
    `sums.metadata` Array(Array(Tuple(
        key String,
        value String))) CODEC(ZSTD(1)),
    `sums.scores` Array(Array(Tuple(
        name String,
        value Nullable(Float64),
        label String))) CODEC(ZSTD(1)),
    `sums.turns` Array(UInt64) CODEC(T64, LZ4),
    `sums.errors` Array(UInt64) CODEC(T64, LZ4),
    `sums.unpriced_turns` Array(UInt64) CODEC(T64, LZ4),
    `sums.input_tokens` Array(UInt64) CODEC(T64, LZ4),
    `sums.output_tokens` Array(UInt64) CODEC(T64, LZ4),
    `sums.cache_read_tokens` Array(UInt64) CODEC(T64, LZ4),
    `sums.cache_write_tokens` Array(UInt64) CODEC(T64, LZ4),
    `sums.reasoning_tokens` Array(UInt64) CODEC(T64, LZ4),
    `sums.cost_usd` Array(Nullable(Decimal(38, 12))) CODEC(LZ4),
    `sums.traces` Array(UInt64) CODEC(T64, LZ4),
    `sums.model_traces` Array(UInt64) CODEC(T64, LZ4),
    `sums.service_traces` Array(UInt64) CODEC(T64, LZ4),
    `sums.user_traces` Array(UInt64) CODEC(T64, LZ4),
    `sums.model_service_traces` Array(UInt64) CODEC(T64, LZ4),
    `sums.model_user_traces` Array(UInt64) CODEC(T64, LZ4),
    `sums.service_user_traces` Array(UInt64) CODEC(T64, LZ4)
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (project_id, since, session_id)
SETTINGS index_granularity = 1024;

CREATE TABLE log_calls
(
    `project_id` LowCardinality(String) CODEC(ZSTD(1)),
    `trace_id` String CODEC(ZSTD(1)),
    `span_id` String CODEC(ZSTD(1)),
    `record_id` String CODEC(ZSTD(1)),
    `says` LowCardinality(String) CODEC(ZSTD(1)),
    `event` LowCardinality(String) CODEC(ZSTD(1)),
    `position` UInt32 CODEC(T64, ZSTD(1)),
    `started_at` DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    `ended_at` DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    `service` LowCardinality(String) CODEC(ZSTD(1)),
    `scope_name` LowCardinality(String) CODEC(ZSTD(1)),
    `environment` LowCardinality(String) CODEC(ZSTD(1)),
    `release` LowCardinality(String) CODEC(ZSTD(1)),
    `session_id` String CODEC(ZSTD(1)),
    `conversation_id` String CODEC(ZSTD(1)),
    `resource_session_id` String CODEC(ZSTD(1)),
    `default_session_id` String CODEC(ZSTD(1)),
    `session_key` LowCardinality(String) CODEC(ZSTD(1)),
    `user_id` String CODEC(ZSTD(1)),
    `resource_user_id` String CODEC(ZSTD(1)),
    `default_user_id` String CODEC(ZSTD(1)),
    `call_kind` LowCardinality(String) CODEC(ZSTD(1)),
    `dialect` LowCardinality(String) CODEC(ZSTD(1)),
    `operation` LowCardinality(String) CODEC(ZSTD(1)),
    `provider` LowCardinality(String) CODEC(ZSTD(1)),
    `request_model` LowCardinality(String) CODEC(ZSTD(1)),
    `response_model` LowCardinality(String) CODEC(ZSTD(1)),
    `response_id` String CODEC(ZSTD(1)),
    `input_tokens` Nullable(UInt64) CODEC(T64, ZSTD(1)),
    `output_tokens` Nullable(UInt64) CODEC(T64, ZSTD(1)),
    `cache_read_tokens` Nullable(UInt64) CODEC(T64, ZSTD(1)),
    `cache_write_tokens` Nullable(UInt64) CODEC(T64, ZSTD(1)),
    `reasoning_tokens` Nullable(UInt64) CODEC(T64, ZSTD(1)),
    `cost_usd` Nullable(Decimal(18, 12)) CODEC(ZSTD(1)),
    `cost_source` LowCardinality(String) CODEC(ZSTD(1)),
    `price_source` LowCardinality(String) CODEC(ZSTD(1)),
    `first_token_ns` Nullable(UInt64) CODEC(T64, ZSTD(1)),
    `finish_reasons` Array(LowCardinality(String)) CODEC(ZSTD(1)),
    `failed` Bool CODEC(ZSTD(1)),
    `error_type` LowCardinality(String) CODEC(ZSTD(1)),
    `error_message` String CODEC(ZSTD(1)),
    `tool_name` LowCardinality(String) CODEC(ZSTD(1)),
    `tool_call_id` String CODEC(ZSTD(1)),
    `agent_name` LowCardinality(String) CODEC(ZSTD(1)),
    `prompt_name` LowCardinality(String) CODEC(ZSTD(1)),
    `tags` Array(LowCardinality(String)) CODEC(ZSTD(1)),
    `metadata` Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    `input_messages` String CODEC(ZSTD(1)),
    `output_messages` String CODEC(ZSTD(1)),
    `system_instructions` String CODEC(ZSTD(1)),
    `tool_definitions` String CODEC(ZSTD(1)),
    `tool_arguments` String CODEC(ZSTD(1)),
    `tool_result` String CODEC(ZSTD(1)),
    `input_preview` String CODEC(ZSTD(1)),
    `output_preview` String CODEC(ZSTD(1)),
    `content_until` DateTime('UTC') CODEC(ZSTD(1)),
    `retention_days` UInt16 CODEC(T64, ZSTD(1)),
    `received_at` DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    `stored_at` DateTime64(6, 'UTC') DEFAULT now64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    INDEX by_stored stored_at TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(received_at)
PARTITION BY toMonday(started_at)
PRIMARY KEY (project_id, toStartOfHour(started_at), trace_id)
ORDER BY (project_id, toStartOfHour(started_at), trace_id, span_id, record_id, started_at)
SETTINGS index_granularity = 256;

CREATE TABLE migrations
(
    `number` UInt32,
    `name` String,
    `checksum` String,
    `applied_at` DateTime64(6, 'UTC') DEFAULT now64(6, 'UTC')
)
ENGINE = ReplacingMergeTree
ORDER BY number
SETTINGS index_granularity = 8192;

CREATE TABLE quarantined_traces
(
    `project_id` LowCardinality(String),
    `trace_id` String CODEC(ZSTD(1)),
    `version` DateTime64(6, 'UTC'),
    `reason` String CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (project_id, trace_id)
SETTINGS index_granularity = 8192;

CREATE TABLE queue_stamps
(
    `queue` LowCardinality(String),
    `stamp` SimpleAggregateFunction(max, DateTime64(6, 'UTC'))
)
ENGINE = AggregatingMergeTree
ORDER BY queue
SETTINGS index_granularity = 8192;

CREATE TABLE scores
(
    `project_id` LowCardinality(String),
    `trace_id` String CODEC(ZSTD(1)),
    `span_id` String CODEC(ZSTD(1)),
    `session_id` String CODEC(ZSTD(1)),
    `score_id` String CODEC(ZSTD(1)),
    `name` LowCardinality(String),
    `value` Nullable(Float64),
    `label` LowCardinality(String),
    `comment` String CODEC(ZSTD(1)),
    `scored_at` DateTime64(9, 'UTC'),
    `received_at` DateTime64(6, 'UTC')
)
ENGINE = ReplacingMergeTree(received_at)
ORDER BY (project_id, trace_id, session_id, span_id, score_id)
SETTINGS index_granularity = 8192;

CREATE TABLE session_changes
(
    `project_id` LowCardinality(String),
    `session_id` String
)
ENGINE = `Null`;

CREATE TABLE session_half_hours
(
    `project_id` LowCardinality(String) CODEC(ZSTD(1)),
    `session_id` String CODEC(ZSTD(1)),
    `since` DateTime64(0, 'UTC') CODEC(Delta(8), ZSTD(1)),
    `noted_at` DateTime64(6, 'UTC') DEFAULT now64(6, 'UTC') CODEC(Delta(8), ZSTD(1))
)
ENGINE = ReplacingMergeTree(noted_at)
ORDER BY (project_id, session_id, since)
SETTINGS index_granularity = 8192;

CREATE TABLE session_queue
(
    `stamp` DateTime64(6, 'UTC') CODEC(ZSTD(1)),
    `id` UUID,
    `project_id` LowCardinality(String),
    `session_id` String CODEC(ZSTD(1)),
    `sign` Int8
)
ENGINE = CollapsingMergeTree(sign)
PARTITION BY toDate(stamp)
ORDER BY (stamp, id)
SETTINGS index_granularity = 8192;

CREATE TABLE session_traces
(
    `project_id` LowCardinality(String) CODEC(ZSTD(1)),
    `session_id` String CODEC(ZSTD(1)),
    `trace_id` String CODEC(ZSTD(1)),
    `version` DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    `recomputed_at` DateTime64(6, 'UTC') DEFAULT now64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    `fingerprint` UInt64 CODEC(ZSTD(1)),
    `name` LowCardinality(String) CODEC(ZSTD(1)),
    `started_at` DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    `ended_at` DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    `spans` UInt64 CODEC(T64, ZSTD(1)),
    `inherited_spans` UInt64 CODEC(T64, ZSTD(1)),
    `duplicate_spans` UInt64 CODEC(T64, ZSTD(1)),
    `turns` UInt64 CODEC(T64, ZSTD(1)),
    `tool_calls` UInt64 CODEC(T64, ZSTD(1)),
    `embeddings` UInt64 CODEC(T64, ZSTD(1)),
    `input_tokens` UInt64 CODEC(T64, ZSTD(1)),
    `output_tokens` UInt64 CODEC(T64, ZSTD(1)),
    `cache_read_tokens` UInt64 CODEC(T64, ZSTD(1)),
    `cache_write_tokens` UInt64 CODEC(T64, ZSTD(1)),
    `reasoning_tokens` UInt64 CODEC(T64, ZSTD(1)),
    `cost_usd` Nullable(Decimal(38, 12)) CODEC(ZSTD(1)),
    `unpriced_turns` UInt64 CODEC(T64, ZSTD(1)),
    `unpriced_usage` Bool CODEC(ZSTD(1)),
    `errors` UInt64 CODEC(T64, ZSTD(1)),
    `failed` Bool CODEC(ZSTD(1)),
    `user_id` String CODEC(ZSTD(1)),
    `user_since` DateTime64(9, 'UTC') CODEC(ZSTD(1)),
    `user_ids` Array(String) CODEC(ZSTD(1)),
    `session_keys` Array(String) CODEC(ZSTD(1)),
    `models` Array(String) CODEC(ZSTD(1)),
    `requested_models` Array(String) CODEC(ZSTD(1)),
    `services` Array(String) CODEC(ZSTD(1)),
    `environments` Array(String) CODEC(ZSTD(1)),
    `tags` Array(String) CODEC(ZSTD(1)),
    `tools` Array(String) CODEC(ZSTD(1)),
    `agents` Array(String) CODEC(ZSTD(1)),
    `releases` Array(String) CODEC(ZSTD(1)),
    `prompts` Array(String) CODEC(ZSTD(1)),
    `metadata` Array(Tuple(
        key String,
        value String)) CODEC(ZSTD(1)),
    `input_preview` String CODEC(ZSTD(1)),
    `output_preview` String CODEC(ZSTD(1)),
    `calls.span_id` Array(String) CODEC(ZSTD(1)),
    `calls.kind` Array(LowCardinality(String)) CODEC(ZSTD(1)),
    `calls.name` Array(LowCardinality(String)) CODEC(ZSTD(1)),
    `calls.provider` Array(LowCardinality(String)) CODEC(ZSTD(1)),
    `calls.request_model` Array(LowCardinality(String)) CODEC(ZSTD(1)),
    `calls.response_model` Array(LowCardinality(String)) CODEC(ZSTD(1)),
    `calls.service` Array(LowCardinality(String)) CODEC(ZSTD(1)),
    `calls.user_id` Array(String) CODEC(ZSTD(1)),
    `calls.started_at` Array(DateTime64(9, 'UTC')) CODEC(ZSTD(1)),
    `calls.duration_ns` Array(UInt64) CODEC(ZSTD(1)),
    `calls.first_token_ns` Array(Nullable(UInt64)) CODEC(ZSTD(1)),
    `calls.input_tokens` Array(Nullable(UInt64)) CODEC(ZSTD(1)),
    `calls.output_tokens` Array(Nullable(UInt64)) CODEC(ZSTD(1)),
    `calls.cache_read_tokens` Array(Nullable(UInt64)) CODEC(ZSTD(1)),
    `calls.cache_write_tokens` Array(Nullable(UInt64)) CODEC(ZSTD(1)),
    `calls.reasoning_tokens` Array(Nullable(UInt64)) CODEC(ZSTD(1)),
    `calls.cost_usd` Array(Nullable(Decimal(18, 12))) CODEC(ZSTD(1)),
    `calls.cost_source` Array(LowCardinality(String)) CODEC(ZSTD(1)),
    `calls.failed` Array(Bool) CODEC(ZSTD(1)),
    `calls.error_type` Array(LowCardinality(String)) CODEC(ZSTD(1)),
    `calls.finish_reasons` Array(Array(LowCardinality(String))) CODEC(ZSTD(1)),
    `calls.tool_name` Array(LowCardinality(String)) CODEC(ZSTD(1)),
    `calls.members` Array(Array(String)) CODEC(ZSTD(1)),
    `scores` Array(Tuple(
        name String,
        value Nullable(Float64),
        label String)) CODEC(ZSTD(1)),
    `part` String CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (project_id, session_id, trace_id)
SETTINGS index_granularity = 128, min_compress_block_size = 16384, max_compress_block_size = 65536, vertical_merge_algorithm_min_rows_to_activate = 1;

CREATE TABLE sessions
(
    `project_id` LowCardinality(String) CODEC(ZSTD(1)),
    `session_id` String CODEC(ZSTD(1)),
    `version` DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    `recomputed_at` DateTime64(6, 'UTC') DEFAULT now64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    `user_id` String CODEC(ZSTD(1)),
    `user_ids` Array(String) CODEC(ZSTD(1)),
    `started_at` DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    `last_active_at` DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    `duration_ns` UInt64 CODEC(T64, ZSTD(1)),
    `active_ns` UInt64 CODEC(T64, ZSTD(1)),
    `traces` UInt64 CODEC(T64, ZSTD(1)),
    `spans` UInt64 CODEC(T64, ZSTD(1)),
    `inherited_spans` UInt64 CODEC(T64, ZSTD(1)),
    `duplicate_spans` UInt64 CODEC(T64, ZSTD(1)),
    `turns` UInt64 CODEC(T64, ZSTD(1)),
    `tool_calls` UInt64 CODEC(T64, ZSTD(1)),
    `embeddings` UInt64 CODEC(T64, ZSTD(1)),
    `input_tokens` UInt64 CODEC(T64, ZSTD(1)),
    `output_tokens` UInt64 CODEC(T64, ZSTD(1)),
    `total_tokens` UInt64 CODEC(T64, ZSTD(1)),
    `cache_read_tokens` UInt64 CODEC(T64, ZSTD(1)),
    `cache_write_tokens` UInt64 CODEC(T64, ZSTD(1)),
    `reasoning_tokens` UInt64 CODEC(T64, ZSTD(1)),
    `cost_usd` Nullable(Decimal(38, 12)) CODEC(ZSTD(1)),
    `unpriced_turns` UInt64 CODEC(T64, ZSTD(1)),
    `unpriced_usage` Bool CODEC(ZSTD(1)),
    `errors` UInt64 CODEC(T64, ZSTD(1)),
    `error_traces` UInt64 CODEC(T64, ZSTD(1)),
    `avg_turn_ns` Nullable(Float64) CODEC(ZSTD(1)),
    `p95_turn_ns` Nullable(Float64) CODEC(ZSTD(1)),
    `avg_trace_ns` Nullable(Float64) CODEC(ZSTD(1)),
    `first_token_ns` Nullable(Float64) CODEC(ZSTD(1)),
    `session_keys` Array(String) CODEC(ZSTD(1)),
    `models` Array(String) CODEC(ZSTD(1)),
    `requested_models` Array(String) CODEC(ZSTD(1)),
    `services` Array(String) CODEC(ZSTD(1)),
    `environments` Array(String) CODEC(ZSTD(1)),
    `tags` Array(String) CODEC(ZSTD(1)),
    `tools` Array(String) CODEC(ZSTD(1)),
    `agents` Array(String) CODEC(ZSTD(1)),
    `releases` Array(String) CODEC(ZSTD(1)),
    `prompts` Array(String) CODEC(ZSTD(1)),
    `metadata` Array(Tuple(
        key String,
        value String)) CODEC(ZSTD(1)),
    `scores` Array(Tuple(
        name String,
        value Nullable(Float64),
        label String,
        count UInt64)) CODEC(ZSTD(1)),
    `input_preview` String CODEC(ZSTD(1)),
    `output_preview` String CODEC(ZSTD(1)),
    `shown` String MATERIALIZED toJSONString(CAST((session_id, project_id, nullIf(user_id, ''), arraySlice(user_ids, 1, 100), concat(replaceOne(toString(started_at), ' ', 'T'), 'Z'), concat(replaceOne(toString(last_active_at), ' ', 'T'), 'Z'), duration_ns / 1000000., active_ns / 1000000., traces, spans, turns, tool_calls, embeddings, input_tokens, output_tokens, total_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens, cost_usd, unpriced_turns, errors, error_traces, error_traces / traces, if(error_traces > 0, 'error', 'ok'), avg_turn_ns / 1000000., p95_turn_ns / 1000000., avg_trace_ns / 1000000., first_token_ns / 1000000., arraySlice(models, 1, 100), arraySlice(services, 1, 100), arraySlice(environments, 1, 100), arraySlice(tags, 1, 100), arraySlice(tools, 1, 100), arraySlice(agents, 1, 100), arraySlice(releases, 1, 100), arraySlice(prompts, 1, 100), arrayMap(k -> (k, arrayMap(p -> (p.2), arrayFilter(p -> ((p.1) = k), arraySlice(metadata, 1, 100)))), arrayDistinct(arrayMap(p -> (p.1), arraySlice(metadata, 1, 100)))), arrayFilter(m -> ((m.2) > 0), [('user_ids', length(user_ids) - 100), ('models', length(models) - 100), ('services', length(services) - 100), ('environments', length(environments) - 100), ('tags', length(tags) - 100), ('tools', length(tools) - 100), ('agents', length(agents) - 100), ('releases', length(releases) - 100), ('prompts', length(prompts) - 100), ('metadata', length(metadata) - 100)]), arrayMap(n -> (n, (arraySum(x -> (x.4), arrayFilter(x -> ((x.1) = n), scores)), arraySum(x -> (ifNull(x.2, 0) * (x.4)), arrayFilter(x -> ((x.1) = n), scores)) / nullIf(arraySum(x -> if(((x.1) = n) AND ((x.2) IS NOT NULL), x.4, 0), scores), 0), arrayMap(x -> (x.3, x.4), arrayFilter(x -> (((x.1) = n) AND ((x.2) IS NULL)), scores)))), arrayDistinct(arrayMap(x -> (x.1), scores))), unpriced_usage, nullIf(input_preview, ''), nullIf(output_preview, '')), 'Tuple(session_id String, project String, user_id Nullable(String), user_ids Array(String), started_at String,\n               last_active_at String, duration_ms Float64, active_ms Float64, traces UInt64, spans UInt64, turns UInt64,\n               tool_calls UInt64, embeddings UInt64, input_tokens UInt64, output_tokens UInt64, total_tokens UInt64,\n               cache_read_tokens UInt64, cache_write_tokens UInt64, reasoning_tokens UInt64,\n               cost_usd Nullable(Decimal(38, 12)), unpriced_turns UInt64, errors UInt64, error_traces UInt64,\n               error_rate Float64, status String, avg_turn_ms Nullable(Float64), p95_turn_ms Nullable(Float64),\n               avg_trace_ms Nullable(Float64), first_token_ms Nullable(Float64), models Array(String),\n               services Array(String), environments Array(String), tags Array(String), tools Array(String),\n               agents Array(String), releases Array(String), prompts Array(String),\n               metadata Map(String, Array(String)), more Map(String, Int64),\n               scores Map(String, Tuple(count UInt64, mean Nullable(Float64), labels Map(String, UInt64))),\n               unpriced_usage Bool, input_preview Nullable(String), output_preview Nullable(String))')) CODEC(ZSTD(1)),
    `sums.since` Array(DateTime64(0, 'UTC')) CODEC(Delta(8), LZ4),
    `sums.trace_id` Array(String) CODEC(LZ4),
    `sums.of` Array(String) CODEC(LZ4),
    `sums.model` Array(String) CODEC(LZ4),
    `sums.service` Array(String) CODEC(LZ4),
    `sums.user_id` Array(String) CODEC(LZ4),
    `sums.users` Array(Array(String)) CODEC(LZ4),
    `sums.environments` Array(Array(String)) CODEC(LZ4),
    `sums.tags` Array(Array(String)) CODEC(LZ4),
    `sums.failed` Array(Bool) CODEC(LZ4),
    `sums.metadata` Array(Array(Tuple(
        key String,
        value String))) CODEC(ZSTD(1)),
    `sums.scores` Array(Array(Tuple(
        name String,
        value Nullable(Float64),
        label String))) CODEC(ZSTD(1)),
    `sums.turns` Array(UInt64) CODEC(T64, LZ4),
    `sums.errors` Array(UInt64) CODEC(T64, LZ4),
    `sums.unpriced_turns` Array(UInt64) CODEC(T64, LZ4),
    `sums.input_tokens` Array(UInt64) CODEC(T64, LZ4),
    `sums.output_tokens` Array(UInt64) CODEC(T64, LZ4),
    `sums.cache_read_tokens` Array(UInt64) CODEC(T64, LZ4),
    `sums.cache_write_tokens` Array(UInt64) CODEC(T64, LZ4),
    `sums.reasoning_tokens` Array(UInt64) CODEC(T64, LZ4),
    `sums.cost_usd` Array(Nullable(Decimal(38, 12))) CODEC(LZ4),
    `sums.traces` Array(UInt64) CODEC(T64, LZ4),
    `sums.model_traces` Array(UInt64) CODEC(T64, LZ4),
    `sums.service_traces` Array(UInt64) CODEC(T64, LZ4),
    `sums.user_traces` Array(UInt64) CODEC(T64, LZ4),
    `sums.model_service_traces` Array(UInt64) CODEC(T64, LZ4),
    `sums.model_user_traces` Array(UInt64) CODEC(T64, LZ4),
    `sums.service_user_traces` Array(UInt64) CODEC(T64, LZ4),
    `sums.user_ns` Array(UInt64) CODEC(T64, LZ4),
    `sums.started_at` Array(DateTime64(9, 'UTC')) CODEC(Delta(8), LZ4),
    `sums.ended_at` Array(DateTime64(9, 'UTC')) CODEC(Delta(8), LZ4),
    INDEX by_user user_ids TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_recomputed recomputed_at TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (project_id, session_id)
SETTINGS index_granularity = 256, min_compress_block_size = 8192;

CREATE TABLE span_facts
(
    `project_id` LowCardinality(String) CODEC(ZSTD(1)),
    `trace_id` String CODEC(ZSTD(1)),
    `span_id` String CODEC(ZSTD(1)),
    `started_at` DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    `facts` String CODEC(ZSTD(1)),
    `input_preview` String CODEC(ZSTD(1)),
    `output_preview` String CODEC(ZSTD(1)),
    `content_until` DateTime('UTC') CODEC(ZSTD(1)),
    `stored_at` DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    `version` UInt256 CODEC(ZSTD(1)),
    INDEX by_stored stored_at TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toMonday(started_at)
PRIMARY KEY (project_id, toStartOfHour(started_at), trace_id)
ORDER BY (project_id, toStartOfHour(started_at), trace_id, span_id, started_at)
SETTINGS index_granularity = 64, min_compress_block_size = 16384, max_compress_block_size = 65536;

CREATE TABLE spans
(
    `project_id` LowCardinality(String) CODEC(ZSTD(1)),
    `trace_id` String CODEC(ZSTD(1)),
    `span_id` String CODEC(ZSTD(1)),
    `parent_span_id` String CODEC(ZSTD(1)),
    `trace_state` String CODEC(ZSTD(1)),
    `flags` UInt32 CODEC(T64, ZSTD(1)),
    `name` LowCardinality(String) CODEC(ZSTD(1)),
    `kind` LowCardinality(String) CODEC(ZSTD(1)),
    `started_at` DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    `ended_at` DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    `sent_start_ns` Nullable(UInt64) CODEC(ZSTD(1)),
    `sent_end_ns` Nullable(UInt64) CODEC(ZSTD(1)),
    `status` LowCardinality(String) CODEC(ZSTD(1)),
    `status_message` String CODEC(ZSTD(1)),
    `service` LowCardinality(String) CODEC(ZSTD(1)),
    `scope_name` LowCardinality(String) CODEC(ZSTD(1)),
    `scope_version` LowCardinality(String) CODEC(ZSTD(1)),
    `scope_attributes` Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    `scope_schema_url` LowCardinality(String) CODEC(ZSTD(1)),
    `resource_attributes` Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    `resource_schema_url` LowCardinality(String) CODEC(ZSTD(1)),
    `attributes` Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    `events.at` Array(DateTime64(9, 'UTC')) CODEC(ZSTD(1)),
    `events.name` Array(LowCardinality(String)) CODEC(ZSTD(1)),
    `events.attributes` Array(Map(LowCardinality(String), String)) CODEC(ZSTD(1)),
    `events.dropped_attributes` Array(UInt32) CODEC(ZSTD(1)),
    `links.trace_id` Array(String) CODEC(ZSTD(1)),
    `links.span_id` Array(String) CODEC(ZSTD(1)),
    `links.trace_state` Array(String) CODEC(ZSTD(1)),
    `links.flags` Array(UInt32) CODEC(ZSTD(1)),
    `links.attributes` Array(Map(LowCardinality(String), String)) CODEC(ZSTD(1)),
    `links.dropped_attributes` Array(UInt32) CODEC(ZSTD(1)),
    `dropped_attributes` UInt32 CODEC(T64, ZSTD(1)),
    `dropped_events` UInt32 CODEC(T64, ZSTD(1)),
    `dropped_links` UInt32 CODEC(T64, ZSTD(1)),
    `flaws` Array(LowCardinality(String)) CODEC(ZSTD(1)),
    `session_id` String CODEC(ZSTD(1)),
    `conversation_id` String CODEC(ZSTD(1)),
    `resource_session_id` String CODEC(ZSTD(1)),
    `default_session_id` String CODEC(ZSTD(1)),
    `session_key` LowCardinality(String) CODEC(ZSTD(1)),
    `user_id` String CODEC(ZSTD(1)),
    `resource_user_id` String CODEC(ZSTD(1)),
    `default_user_id` String CODEC(ZSTD(1)),
    `user_key` LowCardinality(String) CODEC(ZSTD(1)),
    `call_kind` LowCardinality(String) CODEC(ZSTD(1)),
    `dialect` LowCardinality(String) CODEC(ZSTD(1)),
    `operation` LowCardinality(String) CODEC(ZSTD(1)),
    `provider` LowCardinality(String) CODEC(ZSTD(1)),
    `request_model` LowCardinality(String) CODEC(ZSTD(1)),
    `response_model` LowCardinality(String) CODEC(ZSTD(1)),
    `response_id` String CODEC(ZSTD(1)),
    `input_tokens` Nullable(UInt64) CODEC(T64, ZSTD(1)),
    `output_tokens` Nullable(UInt64) CODEC(T64, ZSTD(1)),
    `cache_read_tokens` Nullable(UInt64) CODEC(T64, ZSTD(1)),
    `cache_write_tokens` Nullable(UInt64) CODEC(T64, ZSTD(1)),
    `reasoning_tokens` Nullable(UInt64) CODEC(T64, ZSTD(1)),
    `cost_usd` Nullable(Decimal(18, 12)) CODEC(ZSTD(1)),
    `cost_source` LowCardinality(String) CODEC(ZSTD(1)),
    `price_source` LowCardinality(String) CODEC(ZSTD(1)),
    `first_token_ns` Nullable(UInt64) CODEC(T64, ZSTD(1)),
    `finish_reasons` Array(LowCardinality(String)) CODEC(ZSTD(1)),
    `failed` Bool CODEC(ZSTD(1)),
    `error_type` LowCardinality(String) CODEC(ZSTD(1)),
    `error_message` String CODEC(ZSTD(1)),
    `tool_name` LowCardinality(String) CODEC(ZSTD(1)),
    `tool_call_id` String CODEC(ZSTD(1)),
    `agent_name` LowCardinality(String) CODEC(ZSTD(1)),
    `prompt_name` LowCardinality(String) CODEC(ZSTD(1)),
    `prompt_version` LowCardinality(String) CODEC(ZSTD(1)),
    `release` LowCardinality(String) CODEC(ZSTD(1)),
    `environment` LowCardinality(String) CODEC(ZSTD(1)),
    `tags` Array(LowCardinality(String)) CODEC(ZSTD(1)),
    `metadata` Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    `input_messages` String CODEC(ZSTD(1)),
    `output_messages` String CODEC(ZSTD(1)),
    `system_instructions` String CODEC(ZSTD(1)),
    `tool_definitions` String CODEC(ZSTD(1)),
    `tool_arguments` String CODEC(ZSTD(1)),
    `tool_result` String CODEC(ZSTD(1)),
    `content_attributes` Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    `input_preview` String CODEC(ZSTD(1)),
    `output_preview` String CODEC(ZSTD(1)),
    `content_until` DateTime('UTC') CODEC(ZSTD(1)),
    `said` String ALIAS translate(lowerUTF8(replaceAll(replaceAll(replaceAll(replaceAll(replaceAll(replaceAll(replaceAll(replaceAll(replaceAll(replaceAll(replaceAll(concat(input_messages, ' ', output_messages, ' ', tool_arguments, ' ', tool_result), '"role":"user"', ' '), '"role":"assistant"', ' '), '"role":"system"', ' '), '"role":"tool"', ' '), '"parts":', ' '), '"type":"text"', ' '), '"type":"tool_call_response"', ' '), '"type":"tool_call"', ' '), '"content":', ' '), '\\n', ' '), '\\t', ' ')), '._:\'', '    '),
    `retention_days` UInt16 CODEC(T64, ZSTD(1)),
    `received_at` DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    `stored_at` DateTime64(6, 'UTC') DEFAULT now64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    `version` UInt256 DEFAULT bitOr(bitShiftLeft(toUInt256(toUInt64(toUnixTimestamp64Micro(received_at))), 128), bitOr(bitShiftLeft(toUInt256(toUInt64(toUnixTimestamp64Nano(ended_at))), 64), toUInt256(cityHash64(parent_span_id, name, kind, started_at, status, status_message, scope_name, service, attributes, resource_attributes, events.name, events.attributes, session_id, conversation_id, resource_session_id, default_session_id, user_id, resource_user_id, default_user_id, call_kind, provider, request_model, response_model, response_id, failed, error_type, tool_name, agent_name, prompt_name, release, environment, tags, metadata, finish_reasons, input_messages, output_messages, tool_arguments, tool_result, content_attributes, input_preview, output_preview, cost_source, ifNull(input_tokens, 18446744073709551615), ifNull(output_tokens, 18446744073709551615), ifNull(cache_read_tokens, 18446744073709551615), ifNull(cache_write_tokens, 18446744073709551615), ifNull(reasoning_tokens, 18446744073709551615), ifNull(first_token_ns, 18446744073709551615), ifNull(cost_usd, -1))))) CODEC(ZSTD(1)),
    INDEX by_session session_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_attribute mapKeys(attributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_stored stored_at TYPE minmax GRANULARITY 1,
    INDEX by_words said TYPE text(tokenizer = 'asciiCJK') GRANULARITY 100000000
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toDate(started_at)
PRIMARY KEY (project_id, toStartOfHour(started_at), trace_id)
ORDER BY (project_id, toStartOfHour(started_at), trace_id, span_id, started_at)
SETTINGS index_granularity = 512, index_granularity_bytes = '64Mi', min_bytes_for_wide_part = '64Mi', vertical_merge_algorithm_min_rows_to_activate = 1, exclude_materialize_skip_indexes_on_merge = 'by_words';

CREATE TABLE suppressed_spans
(
    `project_id` LowCardinality(String),
    `day` Date,
    `spans` UInt64
)
ENGINE = SummingMergeTree
ORDER BY (project_id, day)
SETTINGS index_granularity = 8192;

CREATE TABLE tombstones
(
    `project_id` LowCardinality(String),
    `kind` LowCardinality(String),
    `subject` FixedString(32),
    `deleted_at` DateTime64(9, 'UTC')
)
ENGINE = ReplacingMergeTree(deleted_at)
ORDER BY (project_id, kind, subject)
SETTINGS index_granularity = 8192;

CREATE TABLE trace_changes
(
    `project_id` LowCardinality(String),
    `trace_id` String
)
ENGINE = `Null`;

CREATE TABLE trace_index
(
    `project_id` LowCardinality(String),
    `trace_id` String CODEC(ZSTD(1)),
    `hours` SimpleAggregateFunction(groupUniqArrayArray, Array(DateTime('UTC'))) CODEC(ZSTD(1)),
    `started_at` SimpleAggregateFunction(min, DateTime64(9, 'UTC')) CODEC(ZSTD(1)),
    `ended_at` SimpleAggregateFunction(max, DateTime64(9, 'UTC')) CODEC(ZSTD(1)),
    `retention_days` SimpleAggregateFunction(max, UInt16) CODEC(ZSTD(1))
)
ENGINE = AggregatingMergeTree
ORDER BY (project_id, trace_id)
SETTINGS index_granularity = 64, min_compress_block_size = 4096;

CREATE TABLE trace_queue
(
    `stamp` DateTime64(6, 'UTC') CODEC(ZSTD(1)),
    `id` UUID,
    `project_id` LowCardinality(String),
    `trace_id` String CODEC(ZSTD(1)),
    `sign` Int8
)
ENGINE = CollapsingMergeTree(sign)
PARTITION BY toDate(stamp)
ORDER BY (stamp, id)
SETTINGS index_granularity = 8192;

CREATE TABLE trace_sessions
(
    `project_id` LowCardinality(String),
    `trace_id` String CODEC(ZSTD(1)),
    `session_id` String CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree
ORDER BY (project_id, trace_id, session_id)
SETTINGS index_granularity = 64, min_compress_block_size = 4096;

CREATE MATERIALIZED VIEW half_hours_mv TO half_hours
(
    `project_id` LowCardinality(String),
    `since` DateTime64(0, 'UTC'),
    `session_id` String,
    `version` DateTime64(6, 'UTC'),
    `started_at` DateTime64(9, 'UTC'),
    `last_active_at` DateTime64(9, 'UTC'),
    `duration_ns` UInt64,
    `sums.trace_id` Array(String),
    `sums.of` Array(String),
    `sums.model` Array(String),
    `sums.service` Array(String),
    `sums.user_id` Array(String),
    `sums.users` Array(Array(String)),
    `sums.environments` Array(Array(String)),
    `sums.tags` Array(Array(String)),
    `sums.failed` Array(Bool),
    `sums.metadata` Array(Array(Tuple(
        key String,
        value String))),
    `sums.scores` Array(Array(Tuple(
        name String,
        value Nullable(Float64),
        label String))),
    `sums.turns` Array(UInt64),
    `sums.errors` Array(UInt64),
    `sums.unpriced_turns` Array(UInt64),
    `sums.input_tokens` Array(UInt64),
    `sums.output_tokens` Array(UInt64),
    `sums.cache_read_tokens` Array(UInt64),
    `sums.cache_write_tokens` Array(UInt64),
    `sums.reasoning_tokens` Array(UInt64),
    `sums.cost_usd` Array(Nullable(Decimal(38, 12))),
    `sums.traces` Array(UInt64),
    `sums.model_traces` Array(UInt64),
    `sums.service_traces` Array(UInt64),
    `sums.user_traces` Array(UInt64),
    `sums.model_service_traces` Array(UInt64),
    `sums.model_user_traces` Array(UInt64),
    `sums.service_user_traces` Array(UInt64)
)
AS SELECT
    project_id,
    sums.since AS since,
    session_id,
    version,
    any(s.started_at) AS started_at,
    any(s.last_active_at) AS last_active_at,
    any(s.duration_ns) AS duration_ns,
    groupArray(sums.trace_id) AS `sums.trace_id`,
    groupArray(sums.of) AS `sums.of`,
    groupArray(sums.model) AS `sums.model`,
    groupArray(sums.service) AS `sums.service`,
    groupArray(sums.user_id) AS `sums.user_id`,
    groupArray(sums.users) AS `sums.users`,
    groupArray(sums.environments) AS `sums.environments`,
    groupArray(sums.tags) AS `sums.tags`,
    groupArray(sums.failed) AS `sums.failed`,
    groupArray(sums.metadata) AS `sums.metadata`,
    groupArray(sums.scores) AS `sums.scores`,
    groupArray(sums.turns) AS `sums.turns`,
    groupArray(sums.errors) AS `sums.errors`,
    groupArray(sums.unpriced_turns) AS `sums.unpriced_turns`,
    groupArray(sums.input_tokens) AS `sums.input_tokens`,
    groupArray(sums.output_tokens) AS `sums.output_tokens`,
    groupArray(sums.cache_read_tokens) AS `sums.cache_read_tokens`,
    groupArray(sums.cache_write_tokens) AS `sums.cache_write_tokens`,
    groupArray(sums.reasoning_tokens) AS `sums.reasoning_tokens`,
    arrayMap(x -> (x.1), groupArray(tuple(sums.cost_usd))) AS `sums.cost_usd`,
    groupArray(sums.traces) AS `sums.traces`,
    groupArray(sums.model_traces) AS `sums.model_traces`,
    groupArray(sums.service_traces) AS `sums.service_traces`,
    groupArray(sums.user_traces) AS `sums.user_traces`,
    groupArray(sums.model_service_traces) AS `sums.model_service_traces`,
    groupArray(sums.model_user_traces) AS `sums.model_user_traces`,
    groupArray(sums.service_user_traces) AS `sums.service_user_traces`
FROM sessions AS s
ARRAY JOIN sums
GROUP BY
    project_id,
    since,
    session_id,
    version;

CREATE MATERIALIZED VIEW log_trace_index_mv TO trace_index
(
    `project_id` LowCardinality(String),
    `trace_id` String,
    `hours` Array(DateTime),
    `started_at` DateTime64(9, 'UTC'),
    `ended_at` DateTime64(9, 'UTC'),
    `retention_days` UInt16
)
AS SELECT
    project_id,
    trace_id,
    groupUniqArray(toStartOfHour(l.started_at)) AS hours,
    min(l.started_at) AS started_at,
    max(l.ended_at) AS ended_at,
    max(if(l.retention_days = 0, 65535, l.retention_days)) AS retention_days
FROM log_calls AS l
GROUP BY
    project_id,
    trace_id;

CREATE MATERIALIZED VIEW log_trace_sessions_mv TO trace_sessions
(
    `project_id` LowCardinality(String),
    `trace_id` String,
    `session_id` String
)
AS SELECT DISTINCT
    project_id,
    trace_id,
    arrayJoin(arrayFilter(id -> (id != ''), [l.session_id, conversation_id, resource_session_id, default_session_id])) AS session_id
FROM log_calls AS l;

CREATE MATERIALIZED VIEW session_changes_mv TO session_queue
(
    `stamp` Nullable(DateTime64(6, 'UTC')),
    `id` UUID,
    `project_id` LowCardinality(String),
    `session_id` String,
    `sign` Int8
)
AS SELECT
    greatest(now64(6, 'UTC'), (
        SELECT max(issued)
        FROM
        (
            SELECT max(stamp) AS issued
            FROM session_queue
            UNION ALL
            SELECT max(stamp)
            FROM queue_stamps
            WHERE queue = 'session'
        )
    ) + toIntervalMillisecond(1)) AS stamp,
    generateUUIDv4() AS id,
    project_id,
    session_id,
    toInt8(1) AS sign
FROM session_changes;

CREATE MATERIALIZED VIEW span_facts_mv TO span_facts
(
    `project_id` LowCardinality(String),
    `trace_id` String,
    `span_id` String,
    `started_at` DateTime64(9, 'UTC'),
    `facts` String,
    `input_preview` String,
    `output_preview` String,
    `content_until` DateTime('UTC'),
    `stored_at` DateTime64(6, 'UTC'),
    `version` UInt256
)
AS SELECT
    project_id,
    trace_id,
    span_id,
    started_at,
    formatRowNoNewline('JSONCompactEachRow', parent_span_id, toUnixTimestamp64Nano(started_at), toUnixTimestamp64Nano(ended_at), name, kind, service, scope_name, environment, release, failed, session_id, conversation_id, resource_session_id, default_session_id, session_key, user_id, resource_user_id, default_user_id, call_kind, provider, request_model, response_model, response_id, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens, toInt64(toDecimal128(cost_usd, 12) * 1000000000000), cost_source, first_token_ns, finish_reasons, error_type, tool_name, agent_name, prompt_name, tags, metadata) AS facts,
    input_preview,
    output_preview,
    content_until,
    stored_at,
    version
FROM spans;

CREATE MATERIALIZED VIEW trace_changes_mv TO trace_queue
(
    `stamp` Nullable(DateTime64(6, 'UTC')),
    `id` UUID,
    `project_id` LowCardinality(String),
    `trace_id` String,
    `sign` Int8
)
AS SELECT
    greatest(now64(6, 'UTC'), (
        SELECT max(issued)
        FROM
        (
            SELECT max(stamp) AS issued
            FROM trace_queue
            UNION ALL
            SELECT max(stamp)
            FROM queue_stamps
            WHERE queue = 'trace'
        )
    ) + toIntervalMillisecond(1)) AS stamp,
    generateUUIDv4() AS id,
    project_id,
    trace_id,
    toInt8(1) AS sign
FROM trace_changes;

CREATE MATERIALIZED VIEW trace_index_mv TO trace_index
(
    `project_id` LowCardinality(String),
    `trace_id` String,
    `hours` Array(DateTime),
    `started_at` DateTime64(9, 'UTC'),
    `ended_at` DateTime64(9, 'UTC'),
    `retention_days` UInt16
)
AS SELECT
    project_id,
    trace_id,
    groupUniqArray(toStartOfHour(s.started_at)) AS hours,
    min(s.started_at) AS started_at,
    max(s.ended_at) AS ended_at,
    max(if(s.retention_days = 0, 65535, s.retention_days)) AS retention_days
FROM spans AS s
GROUP BY
    project_id,
    trace_id;

CREATE MATERIALIZED VIEW trace_sessions_mv TO trace_sessions
(
    `project_id` LowCardinality(String),
    `trace_id` String,
    `session_id` String
)
AS SELECT DISTINCT
    project_id,
    trace_id,
    arrayJoin(arrayFilter(id -> (id != ''), [s.session_id, conversation_id, resource_session_id, default_session_id])) AS session_id
FROM spans AS s;

CREATE VIEW otel_traces
(
    `ProjectId` LowCardinality(String),
    `Timestamp` DateTime64(9, 'UTC'),
    `TraceId` String,
    `SpanId` String,
    `ParentSpanId` String,
    `TraceState` String,
    `SpanName` LowCardinality(String),
    `SpanKind` LowCardinality(String),
    `ServiceName` LowCardinality(String),
    `ResourceAttributes` Map(LowCardinality(String), String),
    `ScopeName` LowCardinality(String),
    `ScopeVersion` LowCardinality(String),
    `SpanAttributes` Map(LowCardinality(String), String),
    `Duration` UInt64,
    `StatusCode` LowCardinality(String),
    `StatusMessage` String,
    `Events.Timestamp` Array(DateTime64(9, 'UTC')),
    `Events.Name` Array(LowCardinality(String)),
    `Events.Attributes` Array(Map(LowCardinality(String), String)),
    `Links.TraceId` Array(String),
    `Links.SpanId` Array(String),
    `Links.TraceState` Array(String),
    `Links.Attributes` Array(Map(LowCardinality(String), String))
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    project_id AS ProjectId,
    started_at AS Timestamp,
    trace_id AS TraceId,
    span_id AS SpanId,
    parent_span_id AS ParentSpanId,
    trace_state AS TraceState,
    name AS SpanName,
    initcap(kind) AS SpanKind,
    service AS ServiceName,
    resource_attributes AS ResourceAttributes,
    scope_name AS ScopeName,
    scope_version AS ScopeVersion,
    attributes AS SpanAttributes,
    toUInt64(greatest(0, toUnixTimestamp64Nano(ended_at) - toUnixTimestamp64Nano(started_at))) AS Duration,
    initcap(status) AS StatusCode,
    status_message AS StatusMessage,
    events.at AS `Events.Timestamp`,
    events.name AS `Events.Name`,
    events.attributes AS `Events.Attributes`,
    links.trace_id AS `Links.TraceId`,
    links.span_id AS `Links.SpanId`,
    links.trace_state AS `Links.TraceState`,
    links.attributes AS `Links.Attributes`
FROM spans
FINAL;

CREATE VIEW otel_traces_trace_id_ts
(
    `ProjectId` LowCardinality(String),
    `TraceId` String,
    `Start` DateTime('UTC'),
    `End` DateTime('UTC')
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    project_id AS ProjectId,
    trace_id AS TraceId,
    min(toDateTime(t.started_at)) AS Start,
    max(toDateTime(t.ended_at)) AS End
FROM trace_index AS t
GROUP BY
    project_id,
    trace_id;

CREATE VIEW v_arrivals
(
    `project_id` LowCardinality(String),
    `service` LowCardinality(String),
    `stored_at` DateTime64(6, 'UTC'),
    `received_at` DateTime64(6, 'UTC'),
    `started_at` DateTime64(9, 'UTC'),
    `waited_ms` Float64,
    `flaws` Array(LowCardinality(String))
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    project_id,
    service,
    stored_at,
    received_at,
    started_at,
    greatest(0, dateDiff('microsecond', received_at, stored_at)) / 1000. AS waited_ms,
    flaws
FROM spans;

CREATE VIEW v_calls
(
    `project_id` LowCardinality(String),
    `session_id` String,
    `trace_id` String,
    `span_id` String,
    `kind` LowCardinality(String),
    `name` LowCardinality(String),
    `provider` LowCardinality(String),
    `model` String,
    `request_model` LowCardinality(String),
    `service` LowCardinality(String),
    `user_id` String,
    `started_at` DateTime64(9, 'UTC'),
    `duration_ms` Float64,
    `first_token_ms` Nullable(Float64),
    `input_tokens` Nullable(UInt64),
    `output_tokens` Nullable(UInt64),
    `cache_read_tokens` Nullable(UInt64),
    `cache_write_tokens` Nullable(UInt64),
    `reasoning_tokens` Nullable(UInt64),
    `cost_usd` Nullable(Decimal(18, 12)),
    `cost_source` LowCardinality(String),
    `status` String,
    `error_type` LowCardinality(String),
    `finish_reasons` Array(LowCardinality(String)),
    `tool_name` LowCardinality(String),
    `environments` Array(String),
    `tags` Array(String),
    `metadata` Array(Tuple(
        key String,
        value String)),
    `trace_started_at` DateTime64(9, 'UTC'),
    `trace_ended_at` DateTime64(9, 'UTC')
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    project_id,
    session_id,
    trace_id,
    calls.span_id AS span_id,
    calls.kind AS kind,
    calls.name AS name,
    calls.provider AS provider,
    if(calls.response_model != '', calls.response_model, calls.request_model) AS model,
    calls.request_model AS request_model,
    calls.service AS service,
    calls.user_id AS user_id,
    calls.started_at AS started_at,
    calls.duration_ns / 1000000. AS duration_ms,
    calls.first_token_ns / 1000000. AS first_token_ms,
    calls.input_tokens AS input_tokens,
    calls.output_tokens AS output_tokens,
    calls.cache_read_tokens AS cache_read_tokens,
    calls.cache_write_tokens AS cache_write_tokens,
    calls.reasoning_tokens AS reasoning_tokens,
    calls.cost_usd AS cost_usd,
    calls.cost_source AS cost_source,
    if(calls.failed, 'error', 'ok') AS status,
    calls.error_type AS error_type,
    calls.finish_reasons AS finish_reasons,
    calls.tool_name AS tool_name,
    environments,
    tags,
    metadata,
    t.started_at AS trace_started_at,
    t.ended_at AS trace_ended_at
FROM session_traces AS t
FINAL
ARRAY JOIN calls
WHERE t.spans > 0;

CREATE VIEW v_health
(
    `project_id` LowCardinality(String),
    `queued_traces` UInt64,
    `queued_sessions` UInt64,
    `lag_seconds` Float64,
    `quarantined_traces` UInt64,
    `suppressed_spans` UInt64
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    project_id,
    countIf(what = 'trace') AS queued_traces,
    countIf(what = 'session') AS queued_sessions,
    (greatest(0, dateDiff('microsecond', minIf(since, (what IN ('trace', 'session'))), now64(6, 'UTC'))) / 1000000.) * (countIf(what IN ('trace', 'session')) > 0) AS lag_seconds,
    countIf(what = 'quarantined') AS quarantined_traces,
    sum(late) AS suppressed_spans
FROM
(
    SELECT
        project_id,
        'trace' AS what,
        stamp AS since,
        0 AS late
    FROM trace_queue
    GROUP BY
        project_id,
        stamp,
        id
    HAVING sum(sign) > 0
    UNION ALL
    SELECT
        project_id,
        'session',
        stamp,
        0
    FROM session_queue
    GROUP BY
        project_id,
        stamp,
        id
    HAVING sum(sign) > 0
    UNION ALL
    SELECT
        project_id,
        'quarantined',
        version,
        0
    FROM quarantined_traces
    FINAL
    WHERE reason != ''
    UNION ALL
    SELECT
        project_id,
        'suppressed',
        toDateTime64(day, 6, 'UTC'),
        spans
    FROM suppressed_spans
)
GROUP BY project_id;

CREATE VIEW v_recomputes
(
    `project_id` LowCardinality(String),
    `trace_id` String,
    `queued_at` DateTime64(6, 'UTC'),
    `recomputed_at` DateTime64(6, 'UTC'),
    `waited_ms` Float64
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    project_id,
    trace_id,
    version AS queued_at,
    recomputed_at,
    greatest(0, dateDiff('microsecond', version, recomputed_at)) / 1000. AS waited_ms
FROM session_traces
WHERE session_traces.session_id = '';

CREATE VIEW v_sessions
(
    `project_id` LowCardinality(String),
    `session_id` String,
    `user_id` String,
    `user_ids` Array(String),
    `started_at` DateTime64(9, 'UTC'),
    `last_active_at` DateTime64(9, 'UTC'),
    `duration_ms` Float64,
    `active_ms` Float64,
    `traces` UInt64,
    `spans` UInt64,
    `turns` UInt64,
    `tool_calls` UInt64,
    `embeddings` UInt64,
    `input_tokens` UInt64,
    `output_tokens` UInt64,
    `total_tokens` UInt64,
    `cache_read_tokens` UInt64,
    `cache_write_tokens` UInt64,
    `reasoning_tokens` UInt64,
    `cost_usd` Nullable(Decimal(38, 12)),
    `unpriced_turns` UInt64,
    `unpriced_usage` Bool,
    `errors` UInt64,
    `error_traces` UInt64,
    `error_rate` Float64,
    `status` String,
    `avg_turn_ms` Nullable(Float64),
    `p95_turn_ms` Nullable(Float64),
    `avg_trace_ms` Nullable(Float64),
    `first_token_ms` Nullable(Float64),
    `models` Array(String),
    `requested_models` Array(String),
    `services` Array(String),
    `environments` Array(String),
    `tags` Array(String),
    `tools` Array(String),
    `agents` Array(String),
    `releases` Array(String),
    `prompts` Array(String),
    `metadata` Array(Tuple(
        key String,
        value String)),
    `scores` Array(Tuple(
        name String,
        value Nullable(Float64),
        label String,
        count UInt64)),
    `input_preview` String,
    `output_preview` String,
    `session_keys` Array(String),
    `inherited_spans` UInt64,
    `duplicate_spans` UInt64,
    `version` DateTime64(6, 'UTC')
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    project_id,
    session_id,
    user_id,
    user_ids,
    started_at,
    last_active_at,
    duration_ns / 1000000. AS duration_ms,
    active_ns / 1000000. AS active_ms,
    traces,
    spans,
    turns,
    tool_calls,
    embeddings,
    input_tokens,
    output_tokens,
    total_tokens,
    cache_read_tokens,
    cache_write_tokens,
    reasoning_tokens,
    cost_usd,
    unpriced_turns,
    unpriced_usage,
    errors,
    error_traces,
    error_traces / traces AS error_rate,
    if(error_traces > 0, 'error', 'ok') AS status,
    avg_turn_ns / 1000000. AS avg_turn_ms,
    p95_turn_ns / 1000000. AS p95_turn_ms,
    avg_trace_ns / 1000000. AS avg_trace_ms,
    first_token_ns / 1000000. AS first_token_ms,
    models,
    requested_models,
    services,
    environments,
    tags,
    tools,
    agents,
    releases,
    prompts,
    metadata,
    scores,
    input_preview,
    output_preview,
    session_keys,
    inherited_spans,
    duplicate_spans,
    version
FROM sessions
FINAL
WHERE sessions.spans > 0;

CREATE VIEW v_traces
(
    `project_id` LowCardinality(String),
    `session_id` String,
    `trace_id` String,
    `name` LowCardinality(String),
    `started_at` DateTime64(9, 'UTC'),
    `ended_at` DateTime64(9, 'UTC'),
    `duration_ms` Float64,
    `spans` UInt64,
    `turns` UInt64,
    `tool_calls` UInt64,
    `embeddings` UInt64,
    `input_tokens` UInt64,
    `output_tokens` UInt64,
    `total_tokens` UInt64,
    `cache_read_tokens` UInt64,
    `cache_write_tokens` UInt64,
    `reasoning_tokens` UInt64,
    `cost_usd` Nullable(Decimal(38, 12)),
    `unpriced_turns` UInt64,
    `unpriced_usage` Bool,
    `errors` UInt64,
    `status` String,
    `user_id` String,
    `user_ids` Array(String),
    `models` Array(String),
    `requested_models` Array(String),
    `services` Array(String),
    `environments` Array(String),
    `tags` Array(String),
    `tools` Array(String),
    `agents` Array(String),
    `releases` Array(String),
    `prompts` Array(String),
    `metadata` Array(Tuple(
        key String,
        value String)),
    `scores` Array(Tuple(
        name String,
        value Nullable(Float64),
        label String)),
    `input_preview` String,
    `output_preview` String,
    `version` DateTime64(6, 'UTC')
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    project_id,
    session_id,
    trace_id,
    name,
    started_at,
    ended_at,
    (toUnixTimestamp64Nano(ended_at) - toUnixTimestamp64Nano(started_at)) / 1000000. AS duration_ms,
    spans,
    turns,
    tool_calls,
    embeddings,
    input_tokens,
    output_tokens,
    input_tokens + output_tokens AS total_tokens,
    cache_read_tokens,
    cache_write_tokens,
    reasoning_tokens,
    cost_usd,
    unpriced_turns,
    unpriced_usage,
    errors,
    if(failed, 'error', 'ok') AS status,
    user_id,
    user_ids,
    models,
    requested_models,
    services,
    environments,
    tags,
    tools,
    agents,
    releases,
    prompts,
    metadata,
    scores,
    input_preview,
    output_preview,
    version
FROM session_traces
FINAL
WHERE session_traces.spans > 0;

CREATE VIEW v_users
(
    `project_id` LowCardinality(String),
    `user_id` String,
    `sessions` UInt64,
    `traces` UInt64,
    `started_at` DateTime64(9, 'UTC'),
    `last_active_at` DateTime64(9, 'UTC'),
    `calls` UInt64,
    `turns` UInt64,
    `input_tokens` UInt64,
    `output_tokens` UInt64,
    `total_tokens` UInt64,
    `cost_usd` Nullable(Decimal(38, 12)),
    `errors` UInt64
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    project_id,
    user AS user_id,
    uniqExact(session_id) AS sessions,
    uniqExact(trace_id) AS traces,
    min(t.started_at) AS started_at,
    max(t.ended_at) AS last_active_at,
    sum(length(mine.span_id)) AS calls,
    sum(countEqual(mine.kind, 'llm')) AS turns,
    sum(arraySum(x -> ifNull(x, 0), mine.input_tokens)) AS input_tokens,
    sum(arraySum(x -> ifNull(x, 0), mine.output_tokens)) AS output_tokens,
    input_tokens + output_tokens AS total_tokens,
    if(sum(arrayCount(x -> (x IS NOT NULL), mine.cost_usd)) > 0, sum(arraySum(x -> ifNull(toDecimal128(x, 12), toDecimal128(0, 12)), mine.cost_usd)), NULL) AS cost_usd,
    sum(arrayCount((k, f) -> ((k = 'llm') AND f), mine.kind, mine.failed)) AS errors
FROM
(
    SELECT
        project_id,
        session_id,
        trace_id,
        started_at,
        ended_at,
        arrayJoin(user_ids) AS user,
        arrayFilter(c -> ((c.1) = user), arrayZip(calls.user_id, calls.span_id, calls.kind, calls.input_tokens, calls.output_tokens, calls.cost_usd, calls.failed)) AS own,
        CAST((own.2, own.3, own.4, own.5, own.6, own.7), 'Tuple(span_id Array(String), kind Array(String), input_tokens Array(Nullable(UInt64)), output_tokens Array(Nullable(UInt64)), cost_usd Array(Nullable(Decimal(18, 12))), failed Array(Bool))') AS mine
    FROM session_traces
    FINAL
    WHERE (session_traces.spans > 0) AND (session_id != '')
) AS t
GROUP BY
    project_id,
    user_id;
