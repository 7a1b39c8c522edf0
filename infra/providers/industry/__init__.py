"""The provider `industry`: networks, machines, disks and buckets of any cloud that speaks EC2 and S3."""
