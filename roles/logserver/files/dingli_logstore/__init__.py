"""The central logs of an environment. Runs on one host, with the standard library alone.

`receive` takes entries from hosts, `keep` closes, compresses and removes days and says in the `ledger` what it did,
`search` reads. `store` is the layout that they share, `entry` what one line is.
"""
