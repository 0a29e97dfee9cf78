// go get go.opentelemetry.io/otel/sdk go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp go.opentelemetry.io/contrib/processors/baggagecopy
// go run go_app.go
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"

	"go.opentelemetry.io/contrib/processors/baggagecopy"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

var tracer trace.Tracer

// A model without an instrumentation: its span is made by hand.
func chat(ctx context.Context, question string) string {
	_, span := tracer.Start(ctx, "chat gpt-4o-mini", trace.WithSpanKind(trace.SpanKindClient))
	defer span.End()
	asked, _ := json.Marshal(map[string]any{
		"model":    "gpt-4o-mini",
		"messages": []map[string]string{{"role": "user", "content": question}},
	})
	answer, err := http.Post(os.Getenv("OPENAI_BASE_URL")+"/chat/completions", "application/json", bytes.NewReader(asked))
	if err != nil {
		span.RecordError(err)
		return ""
	}
	defer answer.Body.Close()
	var said struct {
		ID, Model string
		Usage     struct {
			Input  int `json:"prompt_tokens"`
			Output int `json:"completion_tokens"`
		}
		Choices []struct{ Message struct{ Content string } }
	}
	if err := json.NewDecoder(answer.Body).Decode(&said); err != nil {
		span.RecordError(err)
		return ""
	}
	span.SetAttributes(
		attribute.String("gen_ai.operation.name", "chat"),
		attribute.String("gen_ai.provider.name", "openai"),
		attribute.String("gen_ai.request.model", "gpt-4o-mini"),
		attribute.String("gen_ai.response.model", said.Model),
		attribute.String("gen_ai.response.id", said.ID),
		attribute.Int("gen_ai.usage.input_tokens", said.Usage.Input),
		attribute.Int("gen_ai.usage.output_tokens", said.Usage.Output),
	)
	return said.Choices[0].Message.Content
}

func main() {
	ctx := context.Background()
	exporter, err := otlptracehttp.New(ctx) // reads OTEL_EXPORTER_OTLP_ENDPOINT
	if err != nil {
		panic(err)
	}
	provider := sdktrace.NewTracerProvider(
		sdktrace.WithSpanProcessor(baggagecopy.NewSpanProcessor(baggagecopy.AllowAllMembers)),
		sdktrace.WithBatcher(exporter),
	)
	defer provider.Shutdown(ctx)
	tracer = provider.Tracer("shop")

	for _, question := range []string{"How is the weather in Paris?", "And tomorrow?"} {
		// Once per request. Baggage reaches every span inside, and the services that are called from here.
		session, _ := baggage.NewMember("session.id", "go-42")
		user, _ := baggage.NewMember("user.id", "ada")
		said, _ := baggage.New(session, user)
		fmt.Println(chat(baggage.ContextWithBaggage(ctx, said), question))
	}
}
