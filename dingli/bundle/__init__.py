"""One archive from which a site without any network is set up: built, signed, verified, installed.

`build` collects, `verify` compares what is there with what was signed, `push` brings Debian packages to hosts. What
`./install` in the archive does is in tools/bundle/install: it runs where nothing is installed yet.
"""

from dingli.bundle.build import Built, Order, build
from dingli.bundle.exceptions import BundleError
from dingli.bundle.platforms import PLATFORMS, Platform
from dingli.bundle.verification import Kind, verify

__all__ = ["PLATFORMS", "Built", "BundleError", "Kind", "Order", "Platform", "build", "verify"]
