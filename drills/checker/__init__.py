"""The checker: compares what clients were told with the journal, replayed by a third, naive implementation."""
