"""The tools of a call as functions of Python: `tools.ALIAS.NAME(...)`."""

import inspect
from typing import Any

from cleargate import Failure, tools
from schemas import Parameters, identifier

# Letters of a text that declares tools: a model reads all of it.
MAX_TEXT = 65_536

BEFORE = "# Tools are functions: tools.ALIAS.NAME(...), with arguments by name or one record. They raise ToolError(code, message, detail).\n"


class ToolError(Exception):
    """What the host, or a tool, answered in the place of a result: `code`, `message` and `detail`."""

    def __init__(self, code: str, message: str, detail: Any = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.detail = code, message, detail


def refusal(failure: Failure) -> ToolError:
    """A failure as programs see it. The line that would grant is a part of its words: a model does not look into details."""
    message = f"{failure.message}; {failure.detail}" if failure.code == "denied" and isinstance(failure.detail, str) else failure.message
    return ToolError(failure.code, message, failure.detail)


class Function:
    """One tool. Python's own means see a function with a signature and documentation."""

    def __init__(self, tool: tools.Tool) -> None:
        self._tool = tool
        self._parameters = Parameters(tool.input)
        self.__name__ = identifier(tool.name.partition(".")[2] or tool.name)
        self.__qualname__ = f"tools.{tool.name}"
        self.__doc__ = documentation(tool, self._parameters)

    @property
    def __signature__(self) -> inspect.Signature:
        kind, fields = inspect.Parameter.POSITIONAL_OR_KEYWORD, self._parameters
        made = [inspect.Parameter(identifier(name), kind) for name in fields.required]
        return inspect.Signature(made + [inspect.Parameter(identifier(name), kind, default=...) for name in fields.optional])

    def __call__(self, *args: Any, **named: Any) -> Any:
        given = self._parameters.record(self.__qualname__, args, named)
        try:
            return tools.call(self._tool.name, given)
        except Failure as failure:
            raise refusal(failure) from None

    def __repr__(self) -> str:
        return f"<tool {self._tool.name}({self._parameters.text()})>"


class Toolbox:
    """The tools of one alias, or, at the outermost, all aliases."""

    def __init__(self, name: str, parts: dict[str, Any]) -> None:
        self._name, self._parts = name, parts

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name not in self._parts:
            raise AttributeError(f"{self._name} has no `{name}`; there are {', '.join(self._parts) or 'none'}")
        return self._parts[name]

    def __getitem__(self, name: str) -> Any:
        """By the name that the host has for it, as `math.evaluate`."""
        part: Any = self
        for step in name.split(".", 1):
            part = getattr(part, identifier(step))
        return part

    def __dir__(self) -> list[str]:
        return list(self._parts)

    def __iter__(self) -> Any:
        return iter(self._parts)

    def __repr__(self) -> str:
        return f"<{self._name}: {', '.join(self._parts)}>"


class Closed(Toolbox):
    """In the place of tools, when the call was not made with them."""

    def __init__(self) -> None:
        super().__init__("tools", {})

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"`tools.{name}`: the call was made without tools: it has to say `tools: true`")


def toolbox() -> Toolbox:
    """The tools that this call may use."""
    parts: dict[str, Toolbox] = {}
    for tool in tools.list():
        alias, _, name = tool.name.partition(".")
        alias, name = (identifier(alias), identifier(name)) if name else ("host", identifier(alias))
        parts.setdefault(alias, Toolbox(f"tools.{alias}", {}))._parts[name] = Function(tool)
    return Toolbox("tools", parts)


def documentation(tool: tools.Tool, parameters: Parameters) -> str:
    """What a tool does, and what its parameters mean."""
    lines = [tool.description.strip() or f"The tool {tool.name}."]
    said = [(name, field.get("description")) for name, field in parameters.fields.items() if isinstance(field, dict)]
    meant = [f"{identifier(name)}: {text.strip()}" for name, text in said if isinstance(text, str) and text.strip()]
    return "\n\n".join([*lines, "\n".join(meant)] if meant else lines)


def declarations(style: str) -> str:
    """All tools as a model reads them: classes of stubs, or one line for each."""
    box = toolbox()
    pieces = [BEFORE]
    for alias, inner in box._parts.items():
        if style == "full":
            pieces.append(f"\nclass {alias}:\n")
        for name, function in inner._parts.items():
            pieces.append(stub(name, function) if style == "full" else line(alias, name, function))
    return bounded(pieces)


def stub(name: str, function: Function) -> str:
    text = function.__doc__.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    body = text.replace("\n", "\n        ").replace("\n        \n", "\n\n")
    if "\n" in body:
        body += "\n        "
    return f'    def {name}({function._parameters.text()}) -> Any:\n        """{body}"""\n'


def line(alias: str, name: str, function: Function) -> str:
    first = function._tool.description.strip().split("\n")[0]
    return f"tools.{alias}.{name}({function._parameters.text()})" + (f"  # {first}" if first else "") + "\n"


def bounded(pieces: list[str]) -> str:
    """As many as a model reads, and how many are missing."""
    kept, left = [], MAX_TEXT
    for number, piece in enumerate(pieces):
        left -= len(piece)
        if left < 0:
            kept.append(f"# … and more, {len(pieces) - number} in all: give the call fewer tools\n")
            break
        kept.append(piece)
    return "".join(kept).encode("utf-8", "replace").decode("utf-8")
