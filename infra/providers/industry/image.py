"""`industry:index:Image`: looks an image up by name and architecture; makes and removes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from infra.providers.base.exceptions import ProviderError
from infra.providers.base.resource import Context, Difference, Failure, Properties, ReadResult, ResourceType
from infra.providers.base.values import UNKNOWN, Unknown, contains_unknown
from infra.providers.industry.cloud import Cloud
from infra.providers.industry.errors import explained, nothing_to_import
from infra.providers.industry.fields import LIST_OF_TEXT, TEXT, Field, matching, one_of
from infra.providers.industry.identity import ARCHITECTURE, as_map

__all__ = ["ARCHITECTURES", "ImageType", "architecture_of", "require_architecture"]

ARCHITECTURES = ("x86_64", "aarch64")
_THERE = ["pending", "running", "stopping", "stopped"]
_UNSAID = f"where the cloud does not say it, tag the image {ARCHITECTURE}="
_AS_DECLARED = {"x86_64": "x86_64", "arm64": "aarch64", "aarch64": "aarch64"}


def architecture_of(image: Mapping[str, Any]) -> str | None:
    """What the cloud says, or else the image's tag. Raises `ProviderError` if they contradict each other."""
    tagged = as_map(image.get("Tags", [])).get(ARCHITECTURE)
    found = {_AS_DECLARED.get(value, value) for value in (image.get("Architecture"), tagged) if value}
    if len(found) > 1:
        raise ProviderError(
            f"the image {image['ImageId']}: the cloud says {image.get('Architecture')}, its tag says {tagged}",
            "one architecture",
            f"correct its tag {ARCHITECTURE}",
        )
    return found.pop() if found else None


def _owners(value: Any) -> str | None:
    one = matching(r"self|[A-Za-z0-9-]+", "account ids or self")
    good = isinstance(value, Sequence) and not isinstance(value, str) and value and not any(map(one, value))
    return None if good else f"is {value!r}, expected a list of account ids, or self"


class ImageType(ResourceType):
    """Only images of `owners` count (by default the account's own): a stranger may publish one of the same name."""

    token: ClassVar[str] = "industry:index:Image"  # noqa: S105 - a type
    fields: ClassVar[Mapping[str, Field]] = {
        "name": Field(TEXT, matching(r"[^*?]{3,128}", "3 to 128 characters without * and ?"), required=True),
        "architecture": Field(TEXT, one_of(*ARCHITECTURES), required=True),
        "owners": Field(LIST_OF_TEXT, _owners, default=("self",), normal=sorted),
    }
    inputs: ClassVar[Mapping[str, Mapping[str, Any]]] = {name: one.spec for name, one in fields.items()}
    required: ClassVar[Sequence[str]] = ("name", "architecture")
    outputs: ClassVar[Mapping[str, Mapping[str, Any]]] = {"image_id": TEXT}

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud

    def check(self, news: Properties) -> Sequence[Failure]:
        known = {name: value for name, value in news.items() if name in self.fields and not contains_unknown(value)}
        found = {name: self.fields[name].check(value) for name, value in known.items()}
        return [Failure(name, reason) for name, reason in found.items() if reason is not None]

    def diff(self, context: Context, state: Properties, news: Properties) -> Difference:
        changed = [name for name, one in self.fields.items() if one.differ(news.get(name), state.get(name))]
        return Difference(changed, changed, delete_before_replace=True)

    def create(self, context: Context, news: Properties) -> tuple[str, Properties]:
        """In a preview, too: looking changes nothing, and machines can be checked against what is found."""
        if contains_unknown(news):
            return "", {**news, "image_id": UNKNOWN}
        with explained(self.cloud, context.name):
            image_id = self._look_up(context, news)
        return "" if context.preview else image_id, {**news, "image_id": image_id}

    def update(self, context: Context, resource_id: str, state: Properties, news: Properties) -> Properties:
        return {**state, **news}

    def read(self, context: Context, resource_id: str, state: Properties, inputs: Properties) -> ReadResult:
        with explained(self.cloud, context.name):
            images = self.cloud.ec2.describe_images(Filters=[{"Name": "image-id", "Values": [resource_id]}])["Images"]
        if not images and not state:
            raise nothing_to_import(self.cloud, resource_id)
        if not images and self._machines_of(resource_id):
            # Another one of its name would take the place of these machines, and of what is on their disks.
            context.log.warning(f"the image {resource_id} was withdrawn; machines that were made of it stay")
            return ReadResult(resource_id, state, inputs)
        if not images:
            context.log.info(f"the image {resource_id} is gone")
            return ReadResult(None)
        if state:
            return ReadResult(resource_id, state, inputs)
        found = {"name": images[0]["Name"], "architecture": architecture_of(images[0]) or "", "image_id": resource_id}
        return ReadResult(resource_id, found, {name: found[name] for name in self.required})

    def delete(self, context: Context, resource_id: str, state: Properties) -> None:
        """Nothing: the image was there before."""

    def _machines_of(self, image_id: str) -> bool:
        filters: Any = [{"Name": "image-id", "Values": [image_id]}, {"Name": "instance-state-name", "Values": _THERE}]
        with explained(self.cloud, image_id):
            found = self.cloud.ec2.describe_instances(Filters=filters)["Reservations"]
        return any(one["Instances"] for one in found)

    def _look_up(self, context: Context, news: Properties) -> str:
        owners, wanted = list(news.get("owners") or ["self"]), news["architecture"]
        filters: Any = [{"Name": "name", "Values": [news["name"]]}, {"Name": "state", "Values": ["available"]}]
        images = self.cloud.ec2.describe_images(Owners=owners, Filters=filters)["Images"]
        found = {image["ImageId"]: architecture_of(image) for image in images}
        fitting = [image for image, architecture in found.items() if architecture == wanted]
        if len(fitting) == 1:
            return fitting[0]
        said = ", ".join(f"{image} for {architecture or 'nobody says what'}" for image, architecture in found.items())
        raise ProviderError(
            f"{context.name}: images {news['name']!r} of {', '.join(owners)}: {said or 'none'}",
            f"exactly one for {wanted}",
            f"correct `name`, `architecture` or `owners`; {_UNSAID}{wanted}",
        )


def require_architecture(cloud: Cloud, image_id: Any, declared: Any) -> None:
    """Raises `ProviderError` unless the image is for the declared architecture. Unknown values are not looked at."""
    if isinstance(image_id, Unknown) or isinstance(declared, Unknown):
        return
    images = cloud.ec2.describe_images(Filters=[{"Name": "image-id", "Values": [image_id]}])["Images"]
    if not images:
        raise ProviderError(f"no image {image_id} at {cloud.where}", "an image that exists", "correct `image_id`")
    found = architecture_of(images[0])
    if found != declared:
        raise ProviderError(
            f"the image {image_id} is for {found or 'an architecture that nobody says'}, the machine is {declared}",
            "an image for the machine's architecture",
            f"correct `image_id` or `architecture`; {_UNSAID}{declared}",
        )
