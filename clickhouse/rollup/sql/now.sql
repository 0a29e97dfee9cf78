SELECT toUnixTimestamp64Nano(now64(9))
