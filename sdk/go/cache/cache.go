// Package cache keeps answers of models.
package cache

import (
	"time"

	"cleargate"
	"cleargate/internal/part"
	"cleargate/internal/wire"
)

// Functions are those of a cache.
type Functions[Config any] struct {
	// Get returns what was kept and still holds; nil when there is nothing.
	Get func(context *cleargate.Context, key string, config Config) (any, error)
	// Put keeps an entry, for ever when the time is 0.
	Put func(context *cleargate.Context, key string, entry any, ttl time.Duration, config Config) error
}

var its Functions[wire.Place]

// Set makes functions the cache of the component. Call it in init.
func Set[Config any](functions Functions[Config]) {
	if its.Get != nil {
		panic("a component has one cache")
	}
	settings := part.Settings[Config]()
	its.Get = func(context *cleargate.Context, key string, at wire.Place) (any, error) {
		config, err := settings(at)
		if err != nil {
			return nil, err
		}
		return functions.Get(context, key, config)
	}
	its.Put = func(context *cleargate.Context, key string, entry any, ttl time.Duration, at wire.Place) error {
		config, err := settings(at)
		if err != nil {
			return err
		}
		return functions.Put(context, key, entry, ttl, config)
	}
}

// The places of the parameters: of both functions, and those of `put` behind the key.
const (
	keyAt      = part.Parameter
	configAt   = keyAt + 8
	entryAt    = keyAt + 8
	ttlAt      = entryAt + wire.ValueSize
	settingsAt = ttlAt + 16
)

//go:wasmexport cleargate:cache/cache@0.1.0#get
func get(arguments uint32) uint32 {
	at := wire.At(arguments)
	return wire.Answer(8+wire.ValueSize, 8, func(to wire.Place) error {
		entry, err := its.Get(at.Context(), at.Plus(keyAt).Text(), at.Plus(configAt))
		if err != nil || entry == nil {
			return err
		}
		to.SetByte(1)
		return to.Plus(8).SetData(entry)
	})
}

//go:wasmexport cleargate:cache/cache@0.1.0#put
func put(arguments uint32) uint32 {
	at := wire.At(arguments)
	return wire.Answer(0, 4, func(wire.Place) error {
		entry, err := at.Plus(entryAt).Data("entry")
		if err != nil {
			return err
		}
		var ttl time.Duration
		if at.Plus(ttlAt).Byte() == 1 {
			ttl = milliseconds(at.Plus(ttlAt + 8).Long())
		}
		return its.Put(at.Context(), at.Plus(keyAt).Text(), entry, ttl, at.Plus(settingsAt))
	})
}

// milliseconds is a duration, cut where it would not fit; one that is given is never 0, which is for ever.
func milliseconds(count uint64) time.Duration {
	const most = uint64(1<<63-1) / uint64(time.Millisecond)
	return max(time.Duration(min(count, most))*time.Millisecond, 1)
}
