// A peer for `make bench`: Dapr's sidecar, with its stable components as released.
module hyperpage.dev/test/bench/peers/daprd-module

go 1.26.0

require github.com/dapr/dapr v1.14.0
