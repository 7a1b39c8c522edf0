"""Everything that the gateway raises by itself."""


class GatewayError(Exception):
    """Base of the gateway's errors."""


class ConfigError(GatewayError):
    """The configuration or the members file is wrong; the message says what was found and what was expected."""


class WireError(GatewayError):
    """Bytes from a core that are not what docs/protocol.md describes."""


class LinkError(GatewayError):
    """The link to the leading core cannot be made or has to be given up."""


class OversizedError(GatewayError):
    """A member announced a message above max_message_bytes."""
