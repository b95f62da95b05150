// Package part is what all parts have in common: it describes nothing, and each of its functions gets a configuration.
package part

import (
	"reflect"

	"cleargate/internal/schema"
	"cleargate/internal/wire"
)

// Settings makes a reader of configurations, which must fit the struct.
func Settings[Config any]() func(at wire.Place) (Config, error) {
	fits := schema.Of(reflect.TypeFor[Config]())
	return func(at wire.Place) (config Config, err error) {
		text, err := at.JSON("configuration")
		if err != nil {
			return config, err
		}
		return config, schema.Read("configuration", text, fits, &config)
	}
}

// Parameter is the place of the first parameter behind the context; texts and lists take 8 bytes.
const Parameter = wire.ContextSize
