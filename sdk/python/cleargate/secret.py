"""Secrets as placeholders: the host puts the value in as the request leaves, for granted hosts only."""

from wit_world.imports import secret as host

from .wire import asking


@asking
def placeholder(label: str) -> str:
    """A placeholder for header values, query values and bodies of requests."""
    return host.placeholder(label)
