"""Says which kinds and which services of the SDK a plugin's files name. Nothing of the plugin runs.

Prints {"kinds": [..], "services": [..]}, or ends with the place of the first mistake of syntax.
"""

import ast
import json
import pathlib
import sys

KINDS = {"node", "tool", "guardrail", "filter"}
SERVICES = {"log", "config", "kv", "http", "secret", "blob", "clock", "random"}


def names(tree):
    """Names below `cleargate` that a file mentions, by whichever form of import."""
    modules = {"cleargate"}
    for part in ast.walk(tree):
        if isinstance(part, ast.Import):
            for name in part.names:
                path = name.name.split(".")
                if path[0] == "cleargate":
                    yield from path[1:2]
                    modules.add(name.asname or "cleargate")
        elif isinstance(part, ast.ImportFrom) and part.level == 0 and part.module:
            path = part.module.split(".")
            if path[0] == "cleargate":
                yield from path[1:2] or [name.name for name in part.names]
    for part in ast.walk(tree):
        if isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name) and part.value.id in modules:
            yield part.attr


def main(folder):
    found = set()
    for file in sorted(pathlib.Path(folder).rglob("*.py")):
        try:
            found.update(names(ast.parse(file.read_bytes(), str(file.relative_to(folder)))))
        except SyntaxError as error:
            sys.exit(f"src/{error.filename}:{error.lineno}: {error.msg}")
    print(json.dumps({"kinds": sorted(found & KINDS), "services": sorted(found & SERVICES)}))


main(sys.argv[1])
