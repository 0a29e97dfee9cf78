"""From attributes to a call: what all dialects share. Nothing here knows the name of a single attribute key."""
