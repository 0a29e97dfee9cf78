# npm install --global @anthropic-ai/claude-code
# sh claude_code_app.sh
# Nothing to change: every conversation says its own session.id. Spans are in beta; without them, log records carry the calls.
export CLAUDE_CODE_ENABLE_TELEMETRY=1 CLAUDE_CODE_ENHANCED_TELEMETRY_BETA=1
export OTEL_TRACES_EXPORTER=otlp OTEL_LOGS_EXPORTER=otlp OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf
claude --session-id 11111111-2222-4333-8444-555555555555 -p "How is the weather in Paris?"
claude --resume 11111111-2222-4333-8444-555555555555 -p "And tomorrow?"
