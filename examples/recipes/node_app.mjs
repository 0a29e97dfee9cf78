// npm install @opentelemetry/api @opentelemetry/sdk-node @opentelemetry/exporter-trace-otlp-proto @opentelemetry/baggage-span-processor
// node node_app.mjs
import { context, propagation, SpanKind, trace } from "@opentelemetry/api";
import { ALLOW_ALL_BAGGAGE_KEYS, BaggageSpanProcessor } from "@opentelemetry/baggage-span-processor";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { NodeSDK, tracing } from "@opentelemetry/sdk-node";

const sdk = new NodeSDK({
  spanProcessors: [
    new BaggageSpanProcessor(ALLOW_ALL_BAGGAGE_KEYS),
    new tracing.BatchSpanProcessor(new OTLPTraceExporter()),
  ],
});
sdk.start();
const tracer = trace.getTracer("shop");

// A model without an instrumentation: its span is made by hand.
const chat = (question) =>
  tracer.startActiveSpan("chat gpt-4o-mini", { kind: SpanKind.CLIENT }, async (span) => {
    const response = await fetch(`${process.env.OPENAI_BASE_URL}/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${process.env.OPENAI_API_KEY}`, "content-type": "application/json" },
      body: JSON.stringify({ model: "gpt-4o-mini", messages: [{ role: "user", content: question }] }),
    });
    const said = await response.json();
    span.setAttributes({
      "gen_ai.operation.name": "chat",
      "gen_ai.provider.name": "openai",
      "gen_ai.request.model": "gpt-4o-mini",
      "gen_ai.response.model": said.model,
      "gen_ai.response.id": said.id,
      "gen_ai.usage.input_tokens": said.usage.prompt_tokens,
      "gen_ai.usage.output_tokens": said.usage.completion_tokens,
    });
    span.end();
    return said.choices[0].message.content;
  });

for (const question of ["How is the weather in Paris?", "And tomorrow?"]) {
  // Once per request. Baggage reaches every span inside, and the services that are called from here.
  const said = propagation.createBaggage({ "session.id": { value: "node-42" }, "user.id": { value: "ada" } });
  console.log(await context.with(propagation.setBaggage(context.active(), said), () => chat(question)));
}
await sdk.shutdown();
