"""A program as small as one can be that still has a component, resources and a local provider."""

import pulumi
from shelf import Shelf

shelf = Shelf("shelf", texts=pulumi.Config().require_object("texts"))
pulumi.export("length", shelf.length)
