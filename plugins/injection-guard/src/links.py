"""Links and images that carry data: a model that writes one sends what is in it to the host when it is shown."""

import re
from urllib.parse import parse_qsl, urlsplit

MARKDOWN = re.compile(r"(!?)\[[^\]\n]{0,400}\]\(\s{0,3}<?(https?://[^\s)>]{4,4000})")
MARKUP = re.compile(
    r"<(img|iframe|link|script|source|video|audio|object|embed)\b[^<>]{0,400}?(?:src|href|data)\s{0,3}=\s{0,3}[\"']?"
    r"(https?://[^\s\"'>]{4,4000})",
    re.I,
)
REFERENCE = re.compile(r"(?:^|\n) {0,3}\[[^\]\n]{1,100}\]: {0,4}<?(https?://[^\s>]{4,4000})")
# Names of parameters that say what is carried.
CARRIER = re.compile(
    r"(?:data|secrets?|tokens?|passw(?:or)?d|creds?|credentials|prompt|conversation|history|context|chat|exfil\w*|leak\w*|"
    r"payload|stolen|dump|keys?|api_?key|cookies?|session|env|summary|msg|message|content|body|info)",
    re.I,
)
# A place for a model to fill in.
BLANK = re.compile(
    r"\{\{?[\w .:-]{1,60}\}?\}|%7b[\w %.:-]{1,60}%7d|\[[A-Za-z][\w .:-]{2,60}\]|%5b[\w %.:-]{2,60}%5d|<[\w .:-]{3,60}>|"
    r"\$\{?[A-Z_]{3,40}\}?",
    re.I,
)
OPAQUE = re.compile(r"[A-Za-z0-9+/_=%-]{40,}")


def carries(text: str, hosts: frozenset[str]) -> bool:
    """Whether a link of a text carries data to a host that was not named."""
    if "://" not in text:
        return False
    written = [(match[1], match[2]) for match in MARKDOWN.finditer(text)] if "](" in text else []
    images = [url for mark, url in written if mark]
    images += [match[2] for match in MARKUP.finditer(text)] if "<" in text else []
    images += [match[1] for match in REFERENCE.finditer(text)] if "![" in text else []
    links = [url for mark, url in written if not mark]
    return any(loaded(url, hosts) for url in images) or any(filled(url, hosts) for url in links)


def loaded(url: str, hosts: frozenset[str]) -> bool:
    """An image is fetched without a click: data of its own is suspect too, in a parameter that says so."""
    if filled(url, hosts):
        return True
    parts = parsed(url)
    if parts is None or within(parts.hostname or "", hosts):
        return False
    return any(
        CARRIER.fullmatch(name) and (OPAQUE.fullmatch(value) or len(value) >= 12 and " " in value)
        for name, value in parse_qsl(parts.query, max_num_fields=100)
    )


def filled(url: str, hosts: frozenset[str]) -> bool:
    """A place to fill in, in the query, the fragment or a path that ends with it."""
    parts = parsed(url)
    if parts is None:
        return True
    if within(parts.hostname or "", hosts):
        return False
    return bool(BLANK.search(parts.query) or BLANK.search(parts.fragment))


def parsed(url: str):
    """The parts of an address; nothing when it is none, and then nobody can say where it leads."""
    try:
        parts = urlsplit(url)
        parts.hostname
        return parts
    except ValueError:
        return None


def within(host: str, hosts: frozenset[str]) -> bool:
    """Whether a host is one of those, or below one."""
    labels = host.lower().rstrip(".").split(".")
    return any(".".join(labels[n:]) in hosts for n in range(len(labels)))
