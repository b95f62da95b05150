"""Says which kinds and which services of the SDK a plugin's files name. Nothing of the plugin runs.

What they use of Python's own modules counts, where the SDK leads it to a service: `time.time()` is the clock, `print`
the log, `urllib.request` requests. Prints {"kinds": [..], "services": [..]}, or ends with the place of the first mistake of syntax.
"""

import ast
import json
import pathlib
import sys

KINDS = {"node", "tool", "guardrail", "filter"}
KINDS |= {"provider", "tokenizer", "embedder", "retriever", "summarizer", "cache", "trigger"}
SERVICES = {"log", "config", "kv", "http", "secret", "model", "tools", "blob", "clock", "random"}


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


# Modules of Python of which each use is one of a service, and those of which some names are.
WHOLE = {"urllib.request": "http", "http.client": "http", "secrets": "random"}
PARTS = {
    "time": ("clock", {"time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "sleep", "ctime"}),
    "random": ("random", {"random", "randint", "randrange", "choice", "choices", "shuffle", "sample", "uniform", "gauss"}),
    "uuid": ("random", {"uuid1", "uuid4"}),
    "os": ("random", {"urandom"}),
}

# Packages of others that send requests, with what they use for it.
CLIENTS = {"requests", "httpx", "urllib3"}
FOR_CLIENTS = {"http", "clock", "random"}

# Methods that ask for the time, of `datetime.datetime` and `datetime.date`.
MOMENTS = {"now", "utcnow", "today"}


def modules(tree):
    """Names in a file that stand for modules, and what it takes out of modules."""
    for part in ast.walk(tree):
        if isinstance(part, ast.Import):
            for name in part.names:
                yield name.asname or name.name.split(".")[0], name.name, None
        elif isinstance(part, ast.ImportFrom) and part.level == 0 and part.module:
            for name in part.names:
                yield name.asname or name.name, part.module, name.name


def ordinary(tree):
    """Services that a file uses through Python's own modules."""
    known, dates = {}, False
    for alias, module, name in modules(tree):
        for whole in (module, f"{module}.{name}"):
            if whole in WHOLE:
                yield WHOLE[whole]
        if module.split(".")[0] in CLIENTS:
            yield from FOR_CLIENTS
        dates = dates or module == "datetime"
        if name is None:
            known[alias] = module
        elif module in PARTS and name in PARTS[module][1]:
            yield PARTS[module][0]
    for part in ast.walk(tree):
        if isinstance(part, ast.Call) and isinstance(part.func, ast.Name) and part.func.id == "print":
            yield "log"
        if isinstance(part, ast.Attribute):
            module = known.get(part.value.id) if isinstance(part.value, ast.Name) else None
            if module in PARTS and part.attr in PARTS[module][1]:
                yield PARTS[module][0]
            if dates and part.attr in MOMENTS:
                yield "clock"


def main(folder):
    found = set()
    for file in sorted(pathlib.Path(folder).rglob("*.py")):
        try:
            tree = ast.parse(file.read_bytes(), str(file.relative_to(folder)))
            found.update(names(tree), ordinary(tree))
        except SyntaxError as error:
            sys.exit(f"src/{error.filename}:{error.lineno}: {error.msg}")
    print(json.dumps({"kinds": sorted(found & KINDS), "services": sorted(found & SERVICES)}))


main(sys.argv[1])
