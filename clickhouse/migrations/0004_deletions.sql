-- What keeps the dead from coming back: hashes, never the ids themselves.

-- kind: session, user (hash of the id), trace (spans without a session id of their own in a trace that was bound to a
-- deleted session), trace_user (likewise for users), project. Spans started before deleted_at stay deleted.
-- shard by cityHash64(project_id, subject)
CREATE TABLE IF NOT EXISTS tombstones
(
    project_id LowCardinality(String),
    kind       LowCardinality(String),
    subject    FixedString(32),
    deleted_at DateTime64(9, 'UTC')
)
ENGINE = ReplacingMergeTree(deleted_at)
ORDER BY (project_id, kind, subject);

-- Rows about to be removed, by removal: the list that the DELETE statements read.
-- shard by cityHash64(project_id, trace_id)
CREATE TABLE IF NOT EXISTS dead_spans
(
    removal    UUID,
    project_id LowCardinality(String),
    trace_id   String CODEC(ZSTD(1)),
    span_id    String CODEC(ZSTD(1)),
    hour       DateTime('UTC') CODEC(ZSTD(1)),
    listed_at  DateTime('UTC') DEFAULT now()
)
ENGINE = MergeTree
ORDER BY (removal, project_id, hour, trace_id)
TTL listed_at + INTERVAL 1 DAY;

-- How many late spans tombstones have suppressed.
CREATE TABLE IF NOT EXISTS suppressed_spans
(
    project_id LowCardinality(String),
    day        Date,
    spans      UInt64
)
ENGINE = SummingMergeTree
ORDER BY (project_id, day);
