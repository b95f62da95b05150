// Package cleargate holds what all kinds of plugins in Go have in common: who calls, and why a call failed.
//
// Each kind is a package, and so is each service of the host. Importing a kind exports it, and importing a service
// asks for it: a component offers and asks for what its source imports, and nothing else.
package cleargate

import (
	"crypto/rand"
	"errors"
	"fmt"
)

// Code says why a call failed; retry policies name codes.
type Code uint8

// The codes of the contract, in its order.
const (
	Transient Code = iota
	Permanent
	Timeout
	Cancelled
	InvalidInput
	Denied
	Limit
	Budget
	UnknownOutcome
	Bug
)

// Failure is why a call failed. Any other error that a function returns has the code Bug.
type Failure struct {
	Code    Code
	Message string
	// Retryable says whether the same call may succeed later.
	Retryable bool
	// Detail is data for a program, or nil.
	Detail any
}

// Error is the sentence for a person.
func (failure *Failure) Error() string { return failure.Message }

// Fail makes a failure; a transient one may be tried again.
func Fail(code Code, format string, values ...any) *Failure {
	return &Failure{Code: code, Message: fmt.Sprintf(format, values...), Retryable: code == Transient}
}

// Context says who calls, from where, and until when.
type Context struct {
	RunID, Address, IdempotencyKey, Binding, Tenant string
	// Attempt is 1 for the first.
	Attempt uint32
	// Deadline is in milliseconds since 1970; nil when the call has none.
	Deadline *uint64
	// TraceParent is empty when the run is not traced.
	TraceParent string
}

// Media is a handle to bytes that stay with the host.
type Media struct {
	// Digest is `sha256:` and 64 hex digits.
	Digest string
	// Mime is a media type, for example `image/png`.
	Mime string
	// Size is in bytes.
	Size uint64
	// Name is empty when there is none.
	Name string
}

// Reply is what a model answered, and what it took.
type Reply struct {
	// Message is a record with `role`, `content` and, when there are any, `tool_calls`.
	Message any
	// MicroUSD is in millionths of a US dollar.
	InputTokens, OutputTokens, MicroUSD uint64
}

// refusing stands in for chance, of which a plugin has none of its own: what the runtime gives is always the same.
type refusing struct{}

func (refusing) Read([]byte) (int, error) {
	return 0, errors.New("a plugin has no chance of its own; import cleargate/random")
}

func init() { rand.Reader = refusing{} }
