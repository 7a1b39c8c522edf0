"""What `make` does: set-up of the controller, and the order of its phases.

Runs before the virtual environment exists, so it uses the standard library alone.
"""
