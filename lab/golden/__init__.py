"""What there is to say about a built image: its files, its packages, what it meets, and whether it is still that."""

# What is in an image's folder: the root file system, the record, a line for each path, the audit's raw outputs.
ARCHIVE = "rootfs.tar"
FILE = "record.json"
LISTING = "listing"
OBSERVED = ("gathered", "facts")
