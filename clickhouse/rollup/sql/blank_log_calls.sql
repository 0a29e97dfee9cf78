ALTER TABLE log_calls UPDATE
    input_messages = '', output_messages = '', system_instructions = '', tool_definitions = '', tool_arguments = '',
    tool_result = '', input_preview = '', output_preview = '', content_until = toDateTime(0)
WHERE content_until > toDateTime(0) AND content_until <= {until:DateTime('UTC')}
