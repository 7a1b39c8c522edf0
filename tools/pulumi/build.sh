#!/bin/sh
# Compile the Pulumi CLI to the file named by the first argument. Slow (8 minutes on two cores), so
# dingli/setup/engine.py keeps the result in a cache keyed by this file, go.mod, go.sum and Go's version.
set -eu
cd "$(dirname "$0")"
version=$(go list -mod=readonly -m -f '{{.Version}}' github.com/pulumi/pulumi/pkg/v3)
# The tags leave out the system's resolver of users (no C compiler needed) and gRPC's tracing.
CGO_ENABLED=0 nice go build -mod=readonly -buildvcs=false -trimpath -tags osusergo,grpcnotrace \
  -ldflags "-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=$version" \
  -o "$1" github.com/pulumi/pulumi/pkg/v3/cmd/pulumi
