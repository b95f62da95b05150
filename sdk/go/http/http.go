// Package http sends requests to the hosts that were granted.
package http

import (
	"io"
	"strings"
	"unsafe"

	"cleargate"
	"cleargate/internal/wire"
)

//go:wasmimport cleargate:host/http@0.1.0 send
func send(
	method, url string, headers unsafe.Pointer, count, hasBody uint32, body string, hasTimeout, timeout uint32,
	to unsafe.Pointer,
)

//go:wasmimport cleargate:host/http@0.1.0 open
func open(
	method, url string, headers unsafe.Pointer, count, hasBody uint32, body string, hasTimeout, timeout uint32,
	to unsafe.Pointer,
)

//go:wasmimport cleargate:host/http@0.1.0 [method]body.next
func next(body int32, most uint32, to unsafe.Pointer)

//go:wasmimport cleargate:host/http@0.1.0 [resource-drop]body
func drop(body int32)

// Header is a name and a value.
type Header struct{ Name, Value string }

// Request is what is sent.
type Request struct {
	// Method is GET when it is empty.
	Method string
	// URL is `http` or `https`, without user name and password.
	URL     string
	Headers []Header
	// Body is nil for none.
	Body []byte
	// TimeoutMs is 0 for no bound but the call's own.
	TimeoutMs uint32
}

// Response is a whole answer.
type Response struct {
	Status  int
	Headers []Header
	Body    []byte
}

// Get asks for a URL.
func Get(url string) (*Response, error) { return Send(Request{URL: url}) }

// PostJSON sends data as JSON.
func PostJSON(url string, data any) (*Response, error) {
	body, err := wire.Marshal(data)
	if err != nil {
		return nil, err
	}
	return Send(Request{Method: "POST", URL: url, Headers: []Header{{"content-type", "application/json"}}, Body: body})
}

type how func(
	method, url string, headers unsafe.Pointer, count, hasBody uint32, body string, hasTimeout, timeout uint32,
	to unsafe.Pointer,
)

func (request Request) ask(how how, size int) (wire.Place, error) {
	headers := wire.New(16 * len(request.Headers))
	for i, header := range request.Headers {
		headers.Plus(16 * i).SetText(header.Name)
		headers.Plus(16*i + 8).SetText(header.Value)
	}
	method := request.Method
	if method == "" {
		method = "GET"
	}
	flag := func(set bool) uint32 {
		if set {
			return 1
		}
		return 0
	}
	return wire.Asked(size, 4, func(to wire.Place) {
		how(method, request.URL, headers.Pointer(), uint32(len(request.Headers)), flag(request.Body != nil),
			wire.Bare(request.Body), flag(request.TimeoutMs > 0), request.TimeoutMs, to.Pointer())
	})
}

func answer(at wire.Place) *Response {
	response := &Response{Status: int(at.Short())}
	for _, header := range at.Plus(4).List(16) {
		response.Headers = append(response.Headers, Header{header.Text(), header.Plus(8).Text()})
	}
	return response
}

// Send sends a request and reads the whole answer. A status is no error: see Ok.
func Send(request Request) (*Response, error) {
	at, err := request.ask(send, 20)
	if err != nil {
		return nil, err
	}
	response := answer(at)
	response.Body = at.Plus(12).Bytes()
	return response, nil
}

// Open sends a request and returns as soon as the headers are there; the reader gives the body piece by piece.
func Open(request Request) (*Response, io.ReadCloser, error) {
	at, err := request.ask(open, 16)
	if err != nil {
		return nil, nil, err
	}
	return answer(at), &body{handle: int32(at.Plus(12).Word())}, nil
}

type body struct{ handle int32 }

func (body *body) Read(to []byte) (int, error) {
	if len(to) == 0 {
		return 0, nil
	}
	at, err := wire.Asked(12, 4, func(place wire.Place) { next(body.handle, uint32(len(to)), place.Pointer()) })
	if err != nil {
		return 0, err
	}
	if at.Byte() == 0 {
		return 0, io.EOF
	}
	return copy(to, at.Plus(4).Bytes()), nil
}

func (body *body) Close() error {
	drop(body.handle)
	return nil
}

// Header is the first header of a name, in any case; empty when there is none.
func (response *Response) Header(name string) string {
	for _, header := range response.Headers {
		if strings.EqualFold(header.Name, name) {
			return header.Value
		}
	}
	return ""
}

// Ok turns a status of 400 and above into a failure; 408, 429 and 5xx may be tried again.
func (response *Response) Ok() error {
	if response.Status < 400 {
		return nil
	}
	code := cleargate.Permanent
	if response.Status == 408 || response.Status == 429 || response.Status >= 500 {
		code = cleargate.Transient
	}
	failure := cleargate.Fail(code, "the peer answered %d", response.Status)
	failure.Detail = map[string]int{"status": response.Status}
	return failure
}

// JSON reads the body into to.
func (response *Response) JSON(to any) error { return wire.Foreign("the answer", response.Body, to) }
