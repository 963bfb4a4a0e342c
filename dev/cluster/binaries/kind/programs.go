//go:build programs

// Package programs names the command this module builds, so that `go mod tidy` keeps what it needs.
package programs

import _ "sigs.k8s.io/kind"
