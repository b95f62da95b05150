"""The configuration that the flow gives to this binding."""

import json
from typing import Any

from wit_world.imports import config as host


def get() -> Any:
    """The configuration as data; the same during one call."""
    return json.loads(host.get())
