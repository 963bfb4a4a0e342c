//go:build programs

// Package programs names the command this module builds, so that its requirements stay in go.mod.
package programs

import _ "github.com/dapr/dapr/cmd/daprd"
