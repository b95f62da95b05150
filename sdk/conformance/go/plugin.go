// Does what every plugin may do: the conformance suite in Go.
package main

import (
	"encoding/json"
	"io"
	"slices"
	"time"
	"unicode/utf8"

	"cleargate"
	"cleargate/blob"
	"cleargate/cache"
	"cleargate/clock"
	"cleargate/config"
	"cleargate/embedder"
	"cleargate/filter"
	"cleargate/guardrail"
	"cleargate/http"
	"cleargate/kv"
	"cleargate/log"
	"cleargate/model"
	"cleargate/node"
	"cleargate/provider"
	"cleargate/random"
	"cleargate/retriever"
	"cleargate/secret"
	"cleargate/summarizer"
	"cleargate/tokenizer"
	"cleargate/tool"
	"cleargate/tools"
	"cleargate/trigger"
)

type text struct {
	Text string `json:"text" about:"The text that is measured."`
	Most *int   `json:"most,omitempty" about:"Most letters that it may have."`
}

type size struct {
	Letters int `json:"letters"`
	Bytes   int `json:"bytes"`
}

func measure(_ *cleargate.Context, in text) (size, error) {
	letters := utf8.RuneCountInString(in.Text)
	if in.Most != nil && letters > *in.Most {
		return size{}, cleargate.Fail(cleargate.Limit, "more than %d letters", *in.Most)
	}
	return size{letters, len(in.Text)}, nil
}

type value struct {
	Value any `json:"value" about:"Any value of JSON."`
}

func echo(_ *cleargate.Context, in value) (value, error) { return in, nil }

type what struct {
	What string `json:"what" about:"The service."`
}

type got struct {
	Got any `json:"got"`
}

// numbers is bytes as a list: Go would write them as base64.
func numbers(bytes []byte) []int {
	list := []int{}
	for _, byte := range bytes {
		list = append(list, int(byte))
	}
	return list
}

func stores() (any, error) {
	old, err := kv.Get("notes", "old")
	if err != nil {
		return nil, err
	}
	none, err := kv.Get("notes", "none")
	if err == nil {
		err = kv.Set("notes", "new", []byte("1"))
	}
	if err != nil {
		return nil, err
	}
	first, err := kv.Swap("notes", "new", []byte("1"), []byte("2"))
	if err != nil {
		return nil, err
	}
	second, err := kv.Swap("notes", "new", []byte("1"), []byte("3"))
	if err != nil {
		return nil, err
	}
	keys, _, err := kv.List("notes", "", "")
	if err == nil {
		err = kv.Delete("notes", "old")
	}
	if err != nil {
		return nil, err
	}
	gone, err := kv.Get("notes", "old")
	return []any{string(old), none, first, second, keys, gone}, err
}

func request() (any, error) {
	url, body := "https://api.example.com/é?q=1", []byte(`{"a":"é"}`)
	headers := []http.Header{{Name: "x-part", Value: "1"}, {Name: "content-type", Value: "application/json"}}
	answer, err := http.Send(http.Request{Method: "POST", URL: url, Headers: headers, Body: body})
	if err != nil {
		return nil, err
	}
	var data any
	err = answer.JSON(&data)
	return []any{answer.Status, answer.Header("x-answer"), data}, err
}

func status() (any, error) {
	answer, err := http.Get("https://api.example.com/")
	if err != nil {
		return nil, err
	}
	return answer.Status, answer.Ok()
}

func stream() (any, error) {
	answer, body, err := http.Open(http.Request{URL: "https://api.example.com/"})
	if err != nil {
		return nil, err
	}
	defer body.Close()
	all, err := io.ReadAll(body)
	return []any{answer.Status, string(all)}, err
}

func media() (any, error) {
	media, err := blob.Put([]byte("bytes"), "text/plain", "")
	if err != nil {
		return nil, err
	}
	bytes, err := blob.Get(media, 1, 3)
	return []any{media.Size, numbers(bytes)}, err
}

var question = map[string]any{"messages": []any{map[string]any{"role": "user", "content": "é"}}}

func field(data any, name string) any {
	fields, _ := data.(map[string]any)
	return fields[name]
}

func asked() (any, error) {
	reply, err := model.Complete("fast", question)
	return []any{field(reply.Message, "content"), reply.InputTokens, reply.OutputTokens, reply.MicroUSD}, err
}

func words() (any, error) {
	stream, err := model.Open("fast", question)
	if err != nil {
		return nil, err
	}
	defer stream.Close()
	all := ""
	for {
		piece, err := stream.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		all += piece
	}
	reply, err := stream.Reply()
	return []any{all, field(reply.Message, "role")}, err
}

func others() (any, error) {
	known, err := tools.List()
	if err != nil {
		return nil, err
	}
	names := []any{}
	for _, tool := range known {
		var input map[string]any
		if err := json.Unmarshal(tool.Input, &input); err != nil {
			return nil, err
		}
		names = append(names, []any{tool.Name, input["type"]})
	}
	var result any
	err = tools.Call("web.search", map[string]any{"q": "é"}, &result)
	return []any{names, result}, err
}

func use(ctx *cleargate.Context, what string) (any, error) {
	switch what {
	case "clock":
		clock.Sleep(time.Millisecond)
		return []int64{clock.Now().UnixMilli(), clock.Elapsed().Milliseconds()}, nil
	case "random":
		return numbers(random.Bytes(8)), nil
	case "log":
		log.Write(log.Info, "hello é", "answer", 42)
		return "written", nil
	case "config":
		return config.Get[any]()
	case "kv":
		return stores()
	case "bytes":
		if err := kv.Set("notes", "bytes", []byte{0, 255, 128, 10}); err != nil {
			return nil, err
		}
		bytes, err := kv.Get("notes", "bytes")
		return numbers(bytes), err
	case "http":
		return request()
	case "status":
		return status()
	case "stream":
		return stream()
	case "secret":
		return secret.Placeholder("KEY")
	case "blob":
		return media()
	case "model":
		return asked()
	case "words":
		return words()
	case "tools":
		return others()
	case "context":
		return []any{ctx.RunID, ctx.Address, ctx.Attempt, ctx.Deadline, ctx.IdempotencyKey}, nil
	}
	return nil, cleargate.Fail(cleargate.InvalidInput, "no service %s", what)
}

func service(ctx *cleargate.Context, in what) (got, error) {
	found, err := use(ctx, in.What)
	return got{found}, err
}

type how struct {
	How string `json:"how" about:"The code, or the way."`
}

var codes = []string{
	"transient", "permanent", "timeout", "cancelled", "invalid_input", "denied", "limit", "budget", "unknown_outcome", "bug",
}

var hoard [][]byte

func deep(depth int) int { return deep(depth+1) + depth }

func fail(_ *cleargate.Context, in how) (value, error) {
	switch in.How {
	case "trap":
		panic("as asked")
	case "fuel":
		for {
		}
	case "memory":
		for {
			hoard = append(hoard, slices.Repeat([]byte{1}, 1<<20))
		}
	case "stack":
		return value{deep(0)}, nil
	case "sleep":
		clock.Sleep(time.Minute)
	}
	code := slices.Index(codes, in.How)
	if code < 0 {
		return value{}, cleargate.Fail(cleargate.InvalidInput, "no way %s", in.How)
	}
	failure := cleargate.Fail(cleargate.Code(code), "as asked")
	failure.Detail = map[string]string{"how": in.How}
	return value{}, failure
}

type decision struct {
	Verdict string `json:"verdict"`
}

func judge(_ *cleargate.Context, stage string, content any, config decision) (guardrail.Verdict, error) {
	finding := guardrail.Finding{Label: "seen", Message: "it was seen", Path: "/was"}
	switch config.Verdict {
	case "pass":
		return guardrail.Pass(), nil
	case "modify":
		return guardrail.Modify(map[string]any{"stage": stage, "was": content}, finding), nil
	case "reject":
		return guardrail.Reject("as configured", finding), nil
	}
	return guardrail.Escalate("as configured", finding), nil
}

type word struct {
	Word string `json:"word"`
}

func before(_ *cleargate.Context, request any, config word) (any, error) {
	request.(map[string]any)["marked"] = config.Word
	return request, nil
}

func after(_ *cleargate.Context, response, request any, config word) (any, error) {
	response.(map[string]any)["marked"] = []any{config.Word, request.(map[string]any)["marked"]}
	return response, nil
}

func onChunk(_ *cleargate.Context, chunk filter.Chunk, config word) (string, any, error) {
	count := int64(0)
	if carried, there := chunk.Carry.(json.Number); there {
		count, _ = carried.Int64()
	}
	if chunk.Last {
		chunk.Text += config.Word
	}
	return chunk.Text, count + 1, nil
}

func complete(_ *cleargate.Context, model string, request any, config word) (cleargate.Reply, error) {
	message := map[string]any{"model": model, "request": request, "word": config.Word}
	return cleargate.Reply{Message: message, InputTokens: 1, OutputTokens: 2, MicroUSD: 1<<53 - 1}, nil
}

type nothing struct{}

func encode(_ *cleargate.Context, text string, _ nothing) ([]uint32, error) {
	tokens := []uint32{}
	for _, letter := range text {
		tokens = append(tokens, uint32(letter))
	}
	return tokens, nil
}

func decode(_ *cleargate.Context, tokens []uint32, _ nothing) (string, error) {
	text := []rune{}
	for _, token := range tokens {
		text = append(text, rune(token))
	}
	return string(text), nil
}

func embed(_ *cleargate.Context, texts []string, _ nothing) ([][]float32, error) {
	vectors := [][]float32{}
	for _, text := range texts {
		vectors = append(vectors, []float32{float32(utf8.RuneCountInString(text)), 0.5})
	}
	return vectors, nil
}

func search(_ *cleargate.Context, query string, limit uint32, config word) ([]retriever.Passage, error) {
	if limit == 0 {
		return nil, nil
	}
	metadata := map[string]any{"limit": limit}
	return []retriever.Passage{{ID: query, Text: config.Word, Score: 0.25, Metadata: metadata}}, nil
}

func summarize(_ *cleargate.Context, text string, maxTokens uint32, _ nothing) (string, error) {
	// What the types of other languages do not rule out.
	if text == "wrong" {
		return "", cleargate.Fail(cleargate.Bug, "a function returned something else")
	}
	letters := []rune(text)
	return string(letters[:min(int(maxTokens), len(letters))]), nil
}

func get(_ *cleargate.Context, key string, _ nothing) (any, error) {
	if key == "none" {
		return nil, nil
	}
	return map[string]any{"key": key}, nil
}

func put(_ *cleargate.Context, key string, entry any, ttl time.Duration, _ nothing) error {
	var until any
	if ttl > 0 {
		until = ttl.Milliseconds()
	}
	return kv.SetJSON("notes", key, []any{entry, until})
}

func poll(_ *cleargate.Context, cursor string, limit uint32, _ nothing) ([]trigger.Event, string, error) {
	if cursor != "" {
		return nil, "", nil
	}
	first := trigger.Event{ID: "first", Input: map[string]any{"limit": limit}}
	return []trigger.Event{first, {ID: "é", Input: map[string]any{}}}, "next", nil
}

func reply(_ *cleargate.Context, id string, output any, _ nothing) error {
	if id == "fail" {
		return cleargate.Fail(cleargate.Transient, "as asked")
	}
	return kv.SetJSON("notes", id, output)
}

func init() {
	node.Add("measure", "Counts letters and bytes.", node.Pure, measure)
	tool.Add("echo", "Gives back what it was given.", echo, tool.ReadOnly)
	tool.Add("service", "Uses a service of the host.", service)
	tool.Add("fail", "Fails as it is asked.", fail)
	guardrail.Set("judge", "Decides as it is configured.", judge)
	provider.Set(complete)
	tokenizer.Set(tokenizer.Functions[nothing]{Encode: encode, Decode: decode})
	embedder.Set(embed)
	retriever.Set(search)
	summarizer.Set(summarize)
	cache.Set(cache.Functions[nothing]{Get: get, Put: put})
	trigger.Set(trigger.Functions[nothing]{Poll: poll, Reply: reply})
	filter.Set("mark", "Marks what passes.", filter.Hooks[word]{Before: before, After: after, OnChunk: onChunk})
}

func main() {}
