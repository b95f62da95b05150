"""What all parts have in common: a part describes nothing, so it has functions and a configuration, and no more."""

from typing import Any, Callable

from ..wire import context, read
from .definition import NOTHING, Method, only

# What every function may take besides its own parameters.
COMMON = {"config", "ctx"}


class Part:
    """The functions of one part; which parameters each may take, by name, is in `takes`."""

    def __init__(self, kind: str, **takes: str):
        self.kind = kind
        self.takes = {name: set(names.split()) | COMMON for name, names in takes.items()}
        self.all: dict[str, dict[str, Method]] = {}

    def function(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Keeps a part of one function."""
        [(name, takes)] = self.takes.items()
        self.keep(function.__name__, {name: Method(function).offered(takes)})
        return function

    def methods(self, cls: type, *optional: str) -> type:
        """Keeps a part of several functions: the methods of a class that have their names."""
        its, found = cls(), {}
        for name, takes in self.takes.items():
            if (function := getattr(its, name, None)) is not None:
                found[name] = Method(function).offered(takes)
            elif name not in optional:
                raise TypeError(f"{cls.__name__} needs the method `{name}`")
        self.keep(cls.__name__, found)
        return cls

    def keep(self, name: str, methods: dict[str, Method]) -> None:
        """There is one in a component."""
        if self.all:
            raise TypeError(f"there are two of {self.kind}: `{next(iter(self.all))}` and `{name}`")
        self.all[name] = methods

    def ready(self) -> None:
        """Refuses a component without one, when it is built."""
        only(self.kind, self.all)

    def has(self, name: str) -> bool:
        """Whether the author wrote the function."""
        return name in only(self.kind, self.all)

    def call(self, name: str, ctx: Any, config: Any, **offer: Any) -> Any:
        """Runs a function with what it wants."""
        method = only(self.kind, self.all)[name]
        settings = (method.config or NOTHING).take("configuration", read("configuration", config))
        return method.call(**offer, config=settings, ctx=context(ctx))
