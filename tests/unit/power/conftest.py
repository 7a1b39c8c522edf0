"""A cloud on loopback."""

from tests.unit.providers.industry.conftest import credentials, running_service, service

__all__ = ["credentials", "running_service", "service"]
