"""Requests of HTTP/2 that become HTTP/1.1 on their way: fields that HTTP/1.1 would read otherwise, lengths that lie, pseudo fields of every form.

A case is one stream's fields as they are, its DATA and its trailers. Frames that are wrong in themselves are tested with the session (tests/unit/balancer/h2).
"""
import re
import socket
import struct

import hpack

import reader

LIMIT = 20  # seconds for one wait; only bounds a failure
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, GOAWAY = 0, 1, 3, 4, 7
END_STREAM, END_HEADERS, ACK = 1, 4, 1
GET = [(b":method", b"GET"), (b":scheme", b"http"), (b":authority", b"a"), (b":path", b"/first")]
POST = [(b":method", b"POST"), *GET[1:]]
SMUGGLED = b"\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
CONNECTION_FIELDS = {b"connection", b"proxy-connection", b"keep-alive", b"transfer-encoding", b"upgrade"}


def changed(name, value, base=GET):
    return [(known, value if known == name else old) for known, old in base]


def table():
    """(name, fields, data or None, trailers or None)"""
    out = []

    def add(name, fields, data=None, trailers=None):
        out.append((f"h2 {len(out)} {name}", fields, data, trailers))

    add("get", GET)
    add("post", POST, [b"hello"])
    add("post in pieces", POST, [b"he", b"", b"llo"])
    add("post with length", POST + [(b"content-length", b"5")], [b"hello"])
    add("post empty", POST, [b""])
    add("get with body", GET, [b"hello"])
    add("get with body and length", GET + [(b"content-length", b"5")], [b"hello"])
    add("trailers", POST, [b"hello"], [(b"x", b"y")])
    for name, value in [(b"transfer-encoding", b"chunked"), (b"transfer-encoding", b"identity"), (b"transfer-encoding", b""), (b"connection", b"close"), (b"connection", b"keep-alive, x"), (b"connection", b"transfer-encoding"), (b"keep-alive", b"5"), (b"proxy-connection", b"close"),
                        (b"upgrade", b"websocket"), (b"upgrade", b"h2c"), (b"http2-settings", b"AAMAAABkAAQAAP__"), (b"te", b"trailers"), (b"te", b"gzip"), (b"te", b"trailers, gzip"), (b"te", b"chunked"), (b"trailer", b"x"), (b"expect", b"100-continue"), (b"expect", b"y"),
                        (b"host", b"a"), (b"host", b"b"), (b"host", b""), (b"host", b"a\r\nx: y"), (b"transfer_encoding", b"chunked"), (b"content_length", b"5"), (b"content-length", b"40"), (b"x-forwarded-for", b"1.2.3.4"), (b"x-amzn-trace-id", b"Root=1")]:
        add(f"{name!r}: {value!r}", GET + [(name, value)])
        add(f"{name!r}: {value!r} on post", POST + [(name, value)], [b"hello"])
    for value in [b"5", b"3", b"40", b"0", b"05", b"+5", b"-5", b"5, 5", b"0x5", b"", b" 5", b"5 ", b"a", b"18446744073709551621", b"5\r\n\r\n", b"5\0"]:
        add(f"length {value!r}", POST + [(b"content-length", value)], [b"hello"])
        add(f"length {value!r} without data", POST + [(b"content-length", value)])
    add("length twice", POST + [(b"content-length", b"5"), (b"content-length", b"5")], [b"hello"])
    add("lengths differ", POST + [(b"content-length", b"5"), (b"content-length", b"3")], [b"hello"])
    for byte in [b"\r", b"\n", b"\r\n", b"\0", b"\x01", b"\x0b", b"\x7f", b"\x80", b"\xff", b" ", b"\t", b":", b"(", b"A"]:
        add(f"value with {byte!r}", GET + [(b"x", b"y" + byte + b"z: a")])
        add(f"value begins with {byte!r}", GET + [(b"x", byte + b"y")])
        add(f"value ends with {byte!r}", GET + [(b"x", b"y" + byte)])
        add(f"name with {byte!r}", GET + [(b"x" + byte + b"y", b"z")])
        add(f"name ends with {byte!r}", GET + [(b"x" + byte, b"z")])
        add(f"path with {byte!r}", changed(b":path", b"/a" + byte + b"b"))
        add(f"method with {byte!r}", changed(b":method", b"GET" + byte + b"X"))
        add(f"authority with {byte!r}", changed(b":authority", b"a" + byte + b"b"))
        add(f"scheme with {byte!r}", changed(b":scheme", b"http" + byte))
    add("empty name", GET + [(b"", b"x")])
    for pseudo in [b":path", b":method", b":authority", b"x"]:
        fields = changed(pseudo, dict(GET).get(pseudo, b"y") + SMUGGLED)
        add(f"request in {pseudo!r}", fields if pseudo != b"x" else GET + [(b"x", b"y" + SMUGGLED)])
        add(f"line in {pseudo!r}", changed(pseudo, dict(GET).get(pseudo, b"y") + b" HTTP/1.1\r\nTransfer-Encoding: chunked\r\nX: y"))
    add("request in a name", GET + [(b"x: y" + SMUGGLED.lower(), b"z")])
    add("request in a cookie", GET + [(b"cookie", b"a=b" + SMUGGLED)])
    add("cookies in pieces", GET + [(b"cookie", b"a=b"), (b"cookie", b"c=d")])
    for missing in [b":method", b":scheme", b":authority", b":path"]:
        add(f"without {missing!r}", [pair for pair in GET if pair[0] != missing])
        add(f"twice {missing!r}", GET[:1] + [pair for pair in GET if pair[0] == missing] + GET[1:])
        add(f"empty {missing!r}", changed(missing, b""))
        add(f"late {missing!r}", [pair for pair in GET if pair[0] != missing] + [(b"x", b"y"), (missing, dict(GET)[missing])])
    add("host instead of authority", [pair for pair in GET if pair[0] != b":authority"] + [(b"host", b"a")])
    add("neither host nor authority", [pair for pair in GET if pair[0] != b":authority"])
    add("status", [(b":status", b"200")] + GET)
    add("unknown pseudo", [(b":x", b"y")] + GET)
    add("protocol", [(b":protocol", b"websocket")] + GET)
    for path in [b"*", b"a", b"http://b/first", b"//b/first", b"/a b", b"/a#b", b"/a?b c", b"/\xc3\xbc", b"/\xff", b"?a", b"/a%00", b"/../a", b"/a HTTP/1.1", b"/" + b"a" * 17000, b"@b/"]:
        add(f"path {path[:30]!r}", changed(b":path", path))
    add("path * of OPTIONS", changed(b":method", b"OPTIONS", changed(b":path", b"*")))
    for authority in [b"a:80", b"u@a", b"a/b", b"a b", b"a, b", b"a?b", b"a#b", b"[::1]", b"a:99999", b"a\\b", b"\xc3\xbc", b"a%00"]:
        add(f"authority {authority!r}", changed(b":authority", authority))
    for method in [b"CONNECT", b"TRACE", b"PRI", b"get", b"G T", b"", b"GET /smuggled HTTP/1.1\r\nX: y\r\n\r\nGET", b"A" * 70, b"OPTIONS", b"PURGE"]:
        add(f"method {method[:20]!r}", changed(b":method", method))
    for scheme in [b"https", b"ftp", b"http://a/smuggled?", b"HTTP", b"ws"]:
        add(f"scheme {scheme!r}", changed(b":scheme", scheme))
    for name, value in [(b":path", b"/"), (b"content-length", b"5"), (b"transfer-encoding", b"chunked"), (b"host", b"b"), (b"x", b"y\r\nz: a"), (b"X", b"y"), (b"connection", b"close"), (b"authorization", b"x"), (b"x y", b"z"), (b":status", b"200"), (b"x-forwarded-for", b"1.2.3.4")]:
        add(f"trailer {name!r}: {value!r}", POST, [b"hello"], [(name, value)])
    add("fields of 40 KiB", GET + [(b"x%d" % i, b"y" * 400) for i in range(100)])
    add("two hundred fields", GET + [(b"x%d" % i, b"y") for i in range(200)])
    return out


# Words that are of no weight for what a target is told.
FREE = {"trailers", "authority-missing", "scheme-other", "host-beside", "settings-field", "large-head"}


def meaning(fields, data, trailers):
    """What RFC 9113 says of it: the request that a target of HTTP/1.1 is told, or None; and words."""
    words, pseudo, regular, late = set(), {}, [], False
    for name, value in fields:
        if re.search(rb"[\r\n\0]", value) or re.search(rb"[\r\n\0]", name):
            words.add("line-in-field")
        elif value != value.strip(b" \t"):
            words.add("blank-around-value")
        if name.startswith(b":"):
            if name in pseudo or regular or name not in (b":method", b":scheme", b":authority", b":path"):
                words.add("pseudo-broken")
            pseudo[name] = value
            continue
        regular.append((name, value))
        if not reader.TOKEN.match(name) or name != name.lower():
            words.add("name-broken")
        if name in CONNECTION_FIELDS or (name == b"te" and value != b"trailers"):
            words.add("connection-field")
        if name == b"host":
            words.add("host-beside")
        if name == b"http2-settings":
            words.add("settings-field")
        if name == b"host" and pseudo.get(b":authority", value) != value:
            words.add("host-differs")
    method, path = pseudo.get(b":method", b""), pseudo.get(b":path", b"")
    if not {b":method", b":scheme", b":path"} <= set(pseudo) or not method:
        words.add("pseudo-broken")
    if b":authority" not in pseudo:
        words.add("authority-missing")
    if not path.startswith(b"/") and (path != b"*" or method != b"OPTIONS"):
        words.add("path-broken")
    if not re.match(rb"[a-z][a-z0-9+.\-]*\Z", pseudo.get(b":scheme", b""), re.I):
        words.add("scheme-broken")
    elif pseudo[b":scheme"] not in (b"http", b"https"):
        words.add("scheme-other")
    if sum(len(name) + len(value) for name, value in fields) > 16 * 1024:
        words.add("large-head")
    for name, value in trailers or []:
        if name.startswith(b":") or name in CONNECTION_FIELDS or not reader.TOKEN.match(name) or name != name.lower() or re.search(rb"[\r\n\0]", value):
            words.add("trailer-broken")
        words.add("trailers")
    body = b"".join(data or [])
    lengths = [value for name, value in regular if name == b"content-length"]
    if lengths and (len(lengths) > 1 or not re.match(rb"[0-9]+\Z", lengths[0]) or int(lengths[0]) != len(body)):
        words.add("length-lies")
    if words - FREE - {"length-lies"}:
        return None, words
    if "length-lies" in words:
        # A target may have been told as much as was promised before the client said more.
        if len(lengths) > 1 or not re.match(rb"[0-9]+\Z", lengths[0]) or int(lengths[0]) > len(body):
            return None, words
        body = body[:int(lengths[0])]
    host = [] if b":authority" not in pseudo or any(name == b"host" for name, _ in regular) else [(b"host", pseudo[b":authority"])]
    text = method + b" " + path + b" HTTP/1.1\r\n"
    for name, value in host + regular:
        text += name + b": " + value + b"\r\n"
    if body and not lengths:
        text += b"Content-Length: %d\r\n" % len(body)
    reading = reader.read(text + b"\r\n" + body)
    request = reading.requests[0]
    return (request if request.whole else None), words | request.words


def frame(kind, flags, stream, payload):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def stream(number, fields, data, trailers, encoder):
    block = encoder.encode(fields, huffman=False)
    out = b""
    last = data is None and trailers is None
    pieces = [block[at:at + 16000] for at in range(0, len(block), 16000)]
    for at, piece in enumerate(pieces):
        flags = (END_HEADERS if at == len(pieces) - 1 else 0) | (END_STREAM if at == 0 and last else 0)
        out += frame(HEADERS if at == 0 else 9, flags, number, piece)
    for at, piece in enumerate(data or []):
        out += frame(DATA, END_STREAM if trailers is None and at == len(data) - 1 else 0, number, piece)
    if trailers is not None:
        out += frame(HEADERS, END_STREAM | END_HEADERS, number, encoder.encode(trailers, huffman=False))
    return out


def talk(port, case):
    """Sends the case on stream 1 and an honest request on stream 3, and reads until both have ended: {stream: [status, body, how it ended, fields]}."""
    _, fields, data, trailers = case
    encoder, decoder = hpack.Encoder(), hpack.Decoder(max_header_list_size=1 << 20)
    out = {1: [None, b"", "", []], 3: [None, b"", "", []]}
    with socket.create_connection(("127.0.0.1", port), timeout=LIMIT) as client:
        client.sendall(PREFACE + frame(SETTINGS, 0, 0, b"") + stream(1, fields, data, trailers, encoder)
                       + stream(3, changed(b":path", b"/next"), None, None, encoder))
        have, block = b"", b""
        while not all(each[2] for each in out.values()):
            try:
                more = client.recv(64 * 1024)
            except OSError:
                more = b""
            if not more:
                for each in out.values():
                    each[2] = each[2] or "closed"
                break
            have += more
            while len(have) >= 9 and len(have) >= 9 + int.from_bytes(have[:3], "big"):
                length, kind, flags, number = int.from_bytes(have[:3], "big"), have[3], have[4], int.from_bytes(have[5:9], "big")
                payload, have = have[9:9 + length], have[9 + length:]
                if kind == SETTINGS and not flags & ACK:
                    client.sendall(frame(SETTINGS, ACK, 0, b""))
                if kind in (HEADERS, 9):
                    block += payload
                    if flags & END_HEADERS:
                        fields = list(decoder.decode(block, raw=True))
                        block = b""
                        if number in out:
                            out[number][3] += fields
                            out[number][0] = int(dict(fields).get(b":status", out[number][0] or 0))
                if number not in out:
                    continue
                if kind == DATA:
                    out[number][1] += payload
                if kind in (HEADERS, DATA) and flags & END_STREAM:
                    out[number][2] = "ended"
                if kind == RST_STREAM:
                    out[number][2] = out[number][2] or "reset"
    return out
