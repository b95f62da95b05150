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
	"cleargate/clock"
	"cleargate/config"
	"cleargate/filter"
	"cleargate/guardrail"
	"cleargate/http"
	"cleargate/kv"
	"cleargate/log"
	"cleargate/node"
	"cleargate/random"
	"cleargate/secret"
	"cleargate/tool"
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
		media, err := blob.Put([]byte("bytes"), "text/plain", "")
		return media.Size, err
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

func init() {
	node.Add("measure", "Counts letters and bytes.", node.Pure, measure)
	tool.Add("echo", "Gives back what it was given.", echo, tool.ReadOnly)
	tool.Add("service", "Uses a service of the host.", service)
	tool.Add("fail", "Fails as it is asked.", fail)
	guardrail.Set("judge", "Decides as it is configured.", judge)
	filter.Set("mark", "Marks what passes.", filter.Hooks[word]{Before: before, After: after, OnChunk: onChunk})
}

func main() {}
