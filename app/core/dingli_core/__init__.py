"""The main core of a cell: a deterministic machine fed by a journal in etcd, and the process around it."""
