// Package config reads the configuration that the flow gives to this binding.
package config

import (
	"encoding/json"
	"unsafe"

	"cleargate"
	"cleargate/internal/wire"
)

//go:wasmimport cleargate:host/config@0.1.0 get
func get(to unsafe.Pointer)

// Get reads the configuration; the same during one call.
func Get[Config any]() (config Config, err error) {
	to := wire.New(8)
	get(to.Pointer())
	if err := json.Unmarshal(to.Bytes(), &config); err != nil {
		return config, cleargate.Fail(cleargate.InvalidInput, "the configuration does not fit: %s", err)
	}
	return config, nil
}
