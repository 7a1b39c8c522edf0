"""The lab's industry cloud: an API that speaks EC2 and S3, and a small hypervisor that makes true what it says.

The API is moto's (`api`), whose instances are told apart from its imitation by `backend`: their states are what the
hypervisor has seen, not what was asked for. The hypervisor (`hypervisor`) turns instances into machines of the lab,
security groups into packet filters outside of them (`filters`, `wires`), volumes into folders (`disks`). All of it is
one process (`python -m lab.cloud`), and what it knows lives as long: a cloud that is started again is an empty one.
"""
