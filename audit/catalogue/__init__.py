"""The clauses: GB/T 22239-2019 level 3, paraphrased. Its file says where each part comes from."""

from audit.catalogue.model import Automation, Catalogue, Item, ObjectClass, load

__all__ = ["Automation", "Catalogue", "Item", "ObjectClass", "load"]
