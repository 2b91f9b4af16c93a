"""What a factory serves now, looked up past its public views, which only export it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from groundswell.factory.trust.expiries import expiry_warnings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta

    from groundswell.factory import Device, Factory, Publication
    from groundswell.factory.trust.roots import Repository

__all__ = ["expiring", "publications", "served_to"]


def publications(factory: Factory, repository: Repository) -> Sequence[Publication]:
    """All sets of documents that are served now, by tag and variant."""
    return factory._internals.publisher.publications(repository)


def served_to(factory: Factory, device: Device) -> tuple[Repository, Publication | None]:
    """What a device is served now; None for nothing."""
    return factory.metadata._served(device)


def expiring(factory: Factory, *, now: datetime, within: timedelta | None = None) -> Sequence[str]:
    """The warnings about what expires soon."""
    parts = factory._internals
    if within is None:
        return expiry_warnings(factory._context, parts.roots, parts.publisher, now=now)
    return expiry_warnings(factory._context, parts.roots, parts.publisher, now=now, within=within)
