// npm install ai@6 @ai-sdk/openai@3 @opentelemetry/sdk-node
// node vercel_ai_app.mjs
import { createOpenAI } from "@ai-sdk/openai";
import { NodeSDK } from "@opentelemetry/sdk-node";
import { generateText } from "ai";

const sdk = new NodeSDK(); // reads OTEL_EXPORTER_OTLP_ENDPOINT
sdk.start();
const openai = createOpenAI();

for (const prompt of ["How is the weather in Paris?", "And tomorrow?"]) {
  const { text } = await generateText({
    model: openai.chat("gpt-4o-mini"),
    prompt,
    experimental_telemetry: { isEnabled: true, metadata: { sessionId: "vercel-ai-42", userId: "ada" } },
  });
  console.log(text);
}
await sdk.shutdown();
