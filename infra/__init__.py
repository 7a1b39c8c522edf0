"""What `pulumi up` runs: a site of an environment, built from machines that exist already."""
