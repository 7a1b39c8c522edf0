"""The drill of an attacker who holds the archiver's own credentials."""
