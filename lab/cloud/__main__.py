"""The cloud's process: `python -m lab.cloud`, started by `dingli lab up` where the environment declares a `cloud`."""

from __future__ import annotations

import argparse
import logging
import os
import sys

# Read when moto is loaded: images are the lab's own.
os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"

from lab import layout
from lab.cloud import storage, tls
from lab.cloud.api import Api
from lab.cloud.backend import install
from lab.cloud.hypervisor import Hypervisor
from lab.cloud.service import certificate_folder
from lab.places import LAYOUT

log = logging.getLogger("lab.cloud")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clear", action="store_true", help="remove what an earlier cloud left, and end")
    asked = parser.parse_args()
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(message)s")
    machines = layout.read(LAYOUT)
    if machines is None:
        log.error("there is no lab: %s does not exist", LAYOUT)
        return 1
    if asked.clear:
        Hypervisor.clear()
        return 0
    if machines.cloud is None:
        log.error("the lab has no cloud")
        return 1
    cloud = machines.cloud
    backend = install(machines, cloud.region)
    storage.install()
    Hypervisor.clear()
    api = Api(cloud.address, cloud.port, tls.make(certificate_folder(), cloud.address))
    api.start()
    log.info("serving at https://%s:%d", cloud.address, cloud.port)
    Hypervisor(backend, machines, api.lock).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
