"""The Pulumi providers of this project, started by the engine from the folders named in Pulumi.yaml."""
