"""Reads HTTP/1.1 as RFC 9112 has it, apart from the balancer's own reader: what a client has said, and what a target was told.

Where the RFC leaves one reading although the bytes are not what it asks for, the reader goes on and notes a word; where it does
not, it stops with one. Which words the balancer may pass on in which mode is in MODES: its documented behaviour, written down once more.
"""
import re
from dataclasses import dataclass, field

TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")
AUTHORITY = re.compile(rb"(?:\[[0-9A-Fa-f:.]{2,}\]|(?:[A-Za-z0-9\-._~!$&'()*+;=]|%[0-9A-Fa-f]{2})+)(?::(\d*))?\Z")
FRAMING = {b"transferencoding": b"transfer-encoding", b"contentlength": b"content-length"}
MAX_LENGTH = 2**63 - 1
MAX_LINE, MAX_HEAD, MAX_FIELDS, MAX_TRAILERS = 16 * 1024, 64 * 1024, 128, 16 * 1024

# Of no weight for where a message ends: they are met in all modes.
NEUTRAL = {"absolute-form", "authority-differs", "target-high", "obs-fold-type", "chunk-extension", "trailers", "expect", "upgrade", "connection-option",
           "empty-line-first", "http10", "after-close", "incomplete", "clean", "value-high", "underscore", "own-answer",
           "method-unusual", "path-odd", "value-tab", "long-name", "length-zeros", "forwarded", "options-asterisk", "host-odd"}
DEFENSIVE = {"name-not-token", "value-control", "minor-version", "get-zero", "get-body", "get-chunked", "length-twice", "chunked-and-length",
             "look-alike"}
MONITOR = {"bare-lf", "obs-fold", "no-colon", "empty-name", "name-space", "name-nul", "value-nul", "target-space", "target-control", "line-space",
           "look-alike-beside"}
MODES = {"strictest": NEUTRAL, "defensive": NEUTRAL | DEFENSIVE, "monitor": NEUTRAL | DEFENSIVE | MONITOR}
# Nothing behind such a head is read as a request.
CLOSING = {"length-twice", "chunked-and-length", "look-alike", "look-alike-beside", "bare-lf", "obs-fold", "no-colon", "empty-name", "name-nul",
           "value-nul", "target-control"}


@dataclass
class Request:
    method: bytes = b""
    target: bytes = b""  # as a target is told it: origin form, escaped
    fields: list = field(default_factory=list)  # (name in lower case, value); those without an oddity
    body: bytes = b""
    words: set = field(default_factory=set)
    whole: bool = False
    framing: str = "none"

    def key(self):
        return (self.method, self.target, self.body)

    def values(self, name):
        return [value for known, value in self.fields if known == name]


@dataclass
class Reading:
    requests: list
    stopped: str  # the word that ended it; "" at the end of the bytes
    words: set
    used: int = 0  # bytes of whole requests


class Stop(Exception):
    pass


def tokens(value):
    return [part.strip(b" \t") for part in value.split(b",")]


def escape(target):
    return b"".join(bytes([c]) if 0x20 < c < 0x7F else b"%%%02X" % c for c in target)


def plain_name(name):
    name = name.replace(b"\xc5\xbf", b"s").replace(b"\xc4\xb1", b"i")
    return re.sub(rb"[^a-z0-9]", b"", name.lower())


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def line(self, limit):
        end = self.data.find(b"\n", self.at)
        if end < 0:
            if len(self.data) - self.at > limit + 1:
                raise Stop("too-long")
            raise Stop("incomplete")
        text, bare = self.data[self.at:end], True
        if text.endswith(b"\r"):
            text, bare = text[:-1], False
        if len(text) > limit:
            raise Stop("too-long")
        self.at = end + 1
        return text, bare

    def request(self, request):
        words = request.words
        for empty in range(3):
            text, bare = self.line(MAX_LINE)
            if bare:
                words.add("bare-lf")
            if text:
                break
            words.add("empty-line-first")
            if empty == 1:
                raise Stop("empty-lines")
        authority = self.request_line(text, request)
        lines = self.field_lines(words)
        self.fields(lines, request)
        self.host(request, authority)
        self.framing(request)
        self.rest_of_head(request)

    def request_line(self, text, request):
        words = request.words
        method, _, rest = text.partition(b" ")
        if not TOKEN.match(method) or len(method) > 64:
            raise Stop("method-broken")
        request.method = method
        if method not in (b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"OPTIONS", b"PATCH"):
            words.add("method-unusual")
        if rest != rest.rstrip(b" \t"):
            words.add("line-space")
            rest = rest.rstrip(b" \t")
        target, space, version = rest.rpartition(b" ")
        if not space and not version.startswith(b"HTTP/"):
            raise Stop("http09")
        if not space or not target.strip(b" \t"):
            raise Stop("target-missing")
        if target != target.strip(b" \t"):
            words.add("line-space")
            target = target.strip(b" \t")
        if b"\0" in target:
            raise Stop("target-nul")
        if b"#" in target:
            raise Stop("target-fragment")
        if any(c >= 0x80 for c in target):
            words.add("target-high")
            try:
                target.decode("utf-8", "strict")
            except UnicodeDecodeError:
                raise Stop("target-not-utf8") from None
        if b" " in target:
            words.add("target-space")
        if any((c < 0x20 and c != 0x20) or c == 0x7F for c in target):
            words.add("target-control")
        if not re.match(rb"HTTP/\d\.\d\Z", version):
            raise Stop("version-broken")
        if version[5:6] != b"1":
            raise Stop("version-other")
        if version[7:8] > b"1":
            words.add("minor-version")
        self.http11 = version[7:8] != b"0"
        if not self.http11:
            words.add("http10")
        if method in (b"CONNECT", b"TRACE"):
            raise Stop("method-refused")
        authority = None
        if target == b"*":
            if method != b"OPTIONS":
                raise Stop("target-form")
            words.add("options-asterisk")
        elif not target.startswith(b"/"):
            absolute = re.match(rb"https?://([^/?]*)(.*)\Z", target, re.I | re.S)
            if not absolute:
                raise Stop("target-form")
            authority, target = absolute.groups()
            if not self.good_authority(authority):
                raise Stop("target-authority")
            words.add("absolute-form")
            if not target.startswith(b"/"):
                target = b"/" + target
        path = target.partition(b"?")[0]
        if b"%00" in path:
            raise Stop("target-nul")
        if re.search(rb"//|/\.\.?(/|\Z)|%2[eEfF]|%5[cC]|\\|;", path) or re.search(rb"[\"<>^`{|}]|%(?![0-9A-Fa-f]{2})", target):
            words.add("path-odd")
        request.target = escape(target)
        return authority

    @staticmethod
    def good_authority(authority):
        good = AUTHORITY.match(authority)
        return bool(good) and (not good.group(1) or int(good.group(1)) <= 65535)

    def field_lines(self, words):
        lines, start = [], self.at
        while True:
            text, bare = self.line(MAX_LINE)
            if self.at - start > MAX_HEAD:
                raise Stop("too-long")
            if bare:
                words.add("bare-lf")
            if not text:
                return lines
            if text[:1] in (b" ", b"\t"):
                if not lines:
                    raise Stop("space-first")
                lines[-1].append(text)
            else:
                lines.append([text])

    def fields(self, lines, request):
        words = request.words
        self.read = []  # (name, value, folded or with NUL) of tokens
        self.alike = []
        count = 0
        for first, *more in lines:
            colon = first.find(b":")
            name = first[:colon] if colon >= 0 else b""
            if colon < 0 or not name.strip(b" \t"):
                words.add("no-colon" if colon < 0 else "empty-name")
                if more:
                    words.add("obs-fold")
                continue
            count += 1
            if count > MAX_FIELDS:
                raise Stop("too-many")
            lower = name.lower()
            value = first[colon + 1:].strip(b" \t")
            if b"\t" in first[colon + 1:].replace(value, b""):
                words.add("value-tab")
            if len(name) > 200:
                words.add("long-name")
            if more:
                words.add("obs-fold-type" if lower == b"content-type" else "obs-fold")
                parts = [part.strip(b" \t") for part in more]
                value = b" ".join(part for part in [value, *parts] if part)
            broken = b"\0" in value or b"\r" in value
            if broken:
                words.add("value-nul")
            elif any((c < 0x20 and c != 9) or c == 0x7F for c in value):
                words.add("value-control")
            if any(c >= 0x80 for c in value):
                words.add("value-high")
            if b"\0" in name or b"\r" in name:
                words.add("name-nul")
            if not TOKEN.match(name):
                words.add("name-space" if name[-1:] in (b" ", b"\t") else "name-not-token")
                if name[-1:] in (b" ", b"\t") and not TOKEN.match(name.rstrip(b" \t")):
                    words.add("name-not-token")
            if plain_name(name) in FRAMING and lower not in FRAMING.values():
                words.add("look-alike")
                self.alike.append((FRAMING[plain_name(name)], value))
                continue
            if not TOKEN.match(name):
                continue
            if b"_" in name:
                words.add("underscore")
            self.read.append((lower, value, broken or bool(more)))
            if not broken:
                request.fields.append((lower, value))

    def all(self, name):
        return [(value, odd) for known, value, odd in self.read if known == name]

    def host(self, request, authority):
        hosts = self.all(b"host")
        if not hosts:
            if self.http11:
                raise Stop("host-missing")
            return
        if len(hosts) > 1:
            raise Stop("host-twice")
        value, odd = hosts[0]
        if odd or not self.good_authority(value):
            raise Stop("host-broken")
        if not re.match(rb"[A-Za-z0-9\-]+(\.[A-Za-z0-9\-]+)*(:\d+)?\Z", value):
            request.words.add("host-odd")
        if authority is not None and authority.lower() != value.lower():
            request.words.add("authority-differs")

    def framing(self, request):
        words = request.words
        codings, lengths = self.all(b"transfer-encoding"), self.all(b"content-length")
        if codings:
            every = [token for value, _ in codings for token in tokens(value)]
            if any(odd for _, odd in codings) or any(not TOKEN.match(token.partition(b";")[0].strip(b" \t")) for token in every):
                raise Stop("coding-broken")
            if any(b";" in token for token in every):
                raise Stop("coding-parameter")
            if [token.lower() for token in every] != [b"chunked"]:
                raise Stop("coding-other")
            if not self.http11:
                raise Stop("coding-http10")
        for value, odd in lengths:
            if odd or not re.match(rb"[0-9]+\Z", value) or int(value) > MAX_LENGTH:
                raise Stop("length-broken")
            if len(value) > 1 and value.startswith(b"0"):
                words.add("length-zeros")
        if len({value for value, _ in lengths}) > 1:
            raise Stop("length-differs")
        if len(lengths) > 1:
            words.add("length-twice")
        if codings and lengths:
            words.add("chunked-and-length")
        # One that says what the true one says changes nothing.
        others = [kind for kind, value in self.alike if kind != b"content-length" or codings or value not in [known for known, _ in lengths]]
        if len({kind for kind, _ in self.alike}) > 1 or (others and (codings or lengths)):
            words.add("look-alike-beside")
        self.length = int(lengths[0][0]) if lengths and not codings else 0
        request.framing = "chunked" if codings else "length" if lengths else "none"
        if request.method in (b"GET", b"HEAD"):
            if codings:
                words.add("get-chunked")
            elif lengths:
                words.add("get-body" if self.length else "get-zero")

    def rest_of_head(self, request):
        words = request.words
        for value, _ in self.all(b"expect"):
            if value.lower() != b"100-continue":
                raise Stop("expect-other")
            words.add("expect")
        options = [token.lower() for value, _ in self.all(b"connection") for token in tokens(value) if token]
        if len(options) > 32:
            raise Stop("too-many")
        if set(options) - {b"close", b"keep-alive", b"upgrade"}:
            words.add("connection-option")
        if sum(bool(token) for value, _ in self.all(b"x-forwarded-for") for token in tokens(value)) > 30:
            words.add("forwarded-too-many")
        if any(name.startswith((b"x-forwarded", b"x-amzn")) for name, _ in request.fields):
            words.add("forwarded")
        if self.all(b"upgrade"):
            words.add("upgrade")
        self.keep = b"close" not in options and (self.http11 or b"keep-alive" in options)

    def body(self, request):
        if request.framing != "chunked":
            request.body = self.data[self.at:self.at + self.length]
            if len(request.body) < self.length:
                raise Stop("incomplete")
            self.at += self.length
            return
        extensions = 0
        while True:
            size = self.chunk_line(32 * 1024)
            digits, semicolon, extension = size.partition(b";")
            if not re.match(rb"[0-9A-Fa-f]+\Z", digits):
                raise Stop("chunk-size")
            if len(digits) > 16 or int(digits, 16) > MAX_LENGTH:
                raise Stop("chunk-overflow")
            if semicolon:
                extensions += len(extension) + 1
                request.words.add("chunk-extension")
                if extensions > 16 * 1024:
                    raise Stop("chunk-extension-long")
            count = int(digits, 16)
            if count == 0:
                break
            request.body += self.data[self.at:self.at + count]
            if len(self.data) - self.at < count:
                raise Stop("incomplete")
            self.at += count
            end = self.data[self.at:self.at + 2]
            if end == b"\r\n":
                self.at += 2
            elif b"\r\n".startswith(end):
                raise Stop("incomplete")
            else:
                raise Stop("chunk-end")
        start = self.at
        for _ in range(66):
            text = self.chunk_line(MAX_TRAILERS)
            if self.at - start > MAX_TRAILERS:
                raise Stop("trailer-broken")
            if not text:
                return
            request.words.add("trailers")
            name, colon, value = text.partition(b":")
            if not colon or not TOKEN.match(name) or any((c < 0x20 and c != 9) or c == 0x7F for c in value):
                raise Stop("trailer-broken")
        raise Stop("trailer-broken")

    def chunk_line(self, limit):
        end = self.data.find(b"\n", self.at)
        text = self.data[self.at:end if end >= 0 else len(self.data)]
        bad = re.search(rb"\r(?!\Z)|[\0-\x08\x0b\x0c\x0e-\x1f\x7f]", text)
        if bad or (end >= 0 and not text.endswith(b"\r")):
            raise Stop("chunk-line")
        if len(text) > limit:
            raise Stop("too-long")
        if end < 0:
            raise Stop("incomplete")
        self.at = end + 1
        return text[:-1]


def read(data):
    """All requests of one connection."""
    reader, requests, stopped, used = Reader(data), [], "", 0
    while reader.at < len(data):
        request = Request()
        requests.append(request)
        begin = reader.at
        head = False
        try:
            reader.request(request)
            head = True
            reader.body(request)
        except Stop as stop:
            stopped = str(stop)
            if stopped == "incomplete" and not data[begin:].strip(b"\r\n"):
                requests.pop()
                stopped = ""
                break
            request.words.add(stopped)
            if not head:
                requests[-1].framing = "unread"
            break
        request.whole = True
        used = reader.at
        if not reader.keep or request.words & CLOSING:
            if reader.at < len(data):
                stopped = "after-close" if not reader.keep else ""
                request.words |= {"after-close"} if not reader.keep else set()
            break
    words = set().union(*(request.words for request in requests)) if requests else set()
    return Reading(requests, stopped, words or {"clean"}, used)


def responses(data, methods):
    """What a client reads: (status, body, whole) of each response to requests of these methods, and the bytes that are left."""
    out, at, methods = [], 0, list(methods)
    while at < len(data):
        end = data.find(b"\r\n\r\n", at)
        if end < 0:
            return out, data[at:]
        lines = data[at:end].split(b"\r\n")
        status = re.match(rb"HTTP/1\.[01] (\d{3})(?: [^\r\n\0]*)?\Z", lines[0])
        if not status:
            return out, data[at:]
        fields = []
        for line in lines[1:]:
            name, colon, value = line.partition(b":")
            if not colon or not TOKEN.match(name) or re.search(rb"[\0\r\n]", value):
                return out, data[at:]
            fields.append((name.lower(), value.strip(b" \t")))
        code, at = int(status.group(1)), end + 4
        if code < 200 and code != 101:
            continue
        method = methods.pop(0) if methods else b""
        get = dict(fields).get
        if method == b"HEAD" or code in (204, 304):
            body, whole = b"", True
        elif get(b"transfer-encoding"):
            body, whole = b"", False
            while True:
                size = re.match(rb"([0-9A-Fa-f]+)\r\n", data[at:at + 20])
                if not size:
                    return out + [(code, body, False)], data[at:]
                count, at = int(size.group(1), 16), at + size.end()
                if count == 0:
                    end = data.find(b"\r\n", at)
                    while end > at:
                        at, end = end + 2, data.find(b"\r\n", end + 2)
                    whole, at = end == at, at + 2
                    break
                body += data[at:at + count]
                at += count + 2
        elif get(b"content-length") is not None:
            count = int(get(b"content-length"))
            body = data[at:at + count]
            whole, at = len(body) == count, at + count
        else:
            body, whole, at = data[at:], True, len(data)
        out.append((code, body, whole))
    return out, b""
