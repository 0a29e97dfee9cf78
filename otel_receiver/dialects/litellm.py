"""LiteLLM's own callback: OpenTelemetry names, a cost, the end user, and no session.

Its child span `raw_gen_ai_request` repeats the call in Python's notation under `llm.<provider>.*`: no call, never read.
"""

from typing import Any

from otel_receiver.mapping.keys import Dialect, Family, Key
from otel_receiver.values import as_dict

V1 = "litellm 1.106.2, integrations/opentelemetry.py"
V2 = (
    "https://github.com/BerriAI/litellm/blob/0012d9a78516cb5ab79aa82522e856fa3fef3511"
    "/litellm/integrations/otel/model/semconv.py"
)


def _functions(nested: Any) -> Any:
    return [as_dict(item) for item in nested] if isinstance(nested, list) else None


DIALECT = Dialect(
    name="litellm",
    keys=(
        Key("gen_ai.cost.total_cost", "cost", 20, V1),
        Key("litellm.cost.total", "cost", 30, V2),
        Key("litellm.provider.model", "request_model", 50, V2),
        Key("llm.user", "user", 100, V1),
        Key("litellm.end_user.id", "user", 101, V2),
    ),
    families=(Family("llm.request.functions.", "tools", 30, V1, numbered=True, read=_functions),),
    recordings=("litellm_otel",),
)
