"""The provider's process. Standard output is claimed before every other import: the engine reads the port there."""

from infra.providers.base.stdout import claim

PORT_OUTPUT = claim()

from infra.providers.base.serve import serve  # noqa: E402
from infra.providers.industry.cloud import Cloud  # noqa: E402
from infra.providers.industry.types import all_types  # noqa: E402

CLOUD = Cloud()
serve(PORT_OUTPUT, "industry", all_types(CLOUD), CLOUD)
