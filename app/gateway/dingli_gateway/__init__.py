"""The order gateway of a cell: FIX 4.4 towards members, the protocol of docs/protocol.md towards the leading core."""
