-- A page of the list, by any column and filter: what the first page of the product asks.
SELECT * FROM sessions FINAL
WHERE project_id = 'bench' AND sessions.spans > 0
  AND ({model:String} = '' OR has(models, {model:String}))
  AND ({user:String} = '' OR has(user_ids, {user:String}))
  AND ({failed:UInt8} = 0 OR error_traces > 0)
  AND (cost_usd >= {min_cost:Decimal(18, 12)} OR {min_cost:Decimal(18, 12)} = 0)
  AND last_active_at >= fromUnixTimestamp64Nano({from_ns:Int64}, 'UTC')
ORDER BY multiIf({sort:String} = 'cost', toFloat64(cost_usd), {sort:String} = 'tokens', toFloat64(total_tokens),
                 {sort:String} = 'turns', toFloat64(turns), {sort:String} = 'duration', toFloat64(duration_ns),
                 {sort:String} = 'errors', toFloat64(errors), toFloat64(toUnixTimestamp64Nano(last_active_at))) DESC, session_id DESC
LIMIT 50
