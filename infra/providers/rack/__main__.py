"""The provider's process. Standard output is claimed before every other import: the engine reads the port there."""

from infra.providers.base.stdout import claim

PORT_OUTPUT = claim()

from infra.providers.base.serve import serve  # noqa: E402
from infra.providers.rack.host import HostType  # noqa: E402

serve(PORT_OUTPUT, "rack", [HostType()])
