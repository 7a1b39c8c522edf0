"""Searching the central logs from the controller, and comparing them with what they were.

`query` makes a question of what a person asks, `remote` puts it to the host of the logs over SSH, `show` prints lines,
`verification` compares files with their sums. What runs on that host is in roles/logserver.
"""
