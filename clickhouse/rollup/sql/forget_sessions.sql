-- Sessions that have had nothing for over an hour: longer than any recompute lives, so none brings an old row back once
-- the newer zero row is gone. In two steps, for parts are looked at one by one, and again whenever one is merged: first
-- what they had, while a zero row still says that it is over, and then the zero rows.
DELETE FROM sessions
WHERE recomputed_at < fromUnixTimestamp64Micro({settled_us:Int64}, 'UTC') AND (spans > 0) = {had:Bool}
  AND (project_id, session_id) IN
(
    SELECT project_id, session_id
    FROM sessions FINAL
    WHERE sessions.spans = 0 AND recomputed_at < fromUnixTimestamp64Micro({over_us:Int64}, 'UTC')
)
