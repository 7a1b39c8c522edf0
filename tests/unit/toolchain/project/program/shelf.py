"""A component that holds two resources, one fed by the other."""

from __future__ import annotations

import pulumi


class Note(pulumi.CustomResource):
    """A text that the local provider keeps."""

    length: pulumi.Output[int]

    def __init__(self, name: str, text: pulumi.Input[str], opts: pulumi.ResourceOptions) -> None:
        super().__init__("note:index:Note", name, {"text": text, "length": None}, opts)


class Shelf(pulumi.ComponentResource):
    """One note for each text, and one about the first."""

    def __init__(self, name: str, texts: list[str]) -> None:
        super().__init__("trial:index:Shelf", name)
        opts = pulumi.ResourceOptions(parent=self)
        notes = [Note(f"{name}-{number}", text, opts) for number, text in enumerate(texts)]
        Note(f"{name}-about", pulumi.Output.format("{0} letters", notes[0].length), opts)
        self.length = notes[0].length
        self.register_outputs({"length": self.length})
