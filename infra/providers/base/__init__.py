"""What every provider here is built on: plain values, threads for blocking work, errors with the state reached."""
