"""What a hostile or broken target that speaks HTTP/2 may say: a word, and the frames that answer a request."""
import selectors
import socket
import struct
import threading

import hpack

from h2 import ACK, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PREFACE, RST_STREAM, SETTINGS, frame

OK = [(b":status", b"200")]
PUSH_PROMISE, PING, WINDOW_UPDATE, CONTINUATION = 5, 6, 8, 9


def table():
    """(word, name, function of (stream, encoder) that gives the bytes)"""
    out = []

    def add(word, name, say):
        out.append((word, f"{word} {len(out)} {name}", say))

    def head(fields, end=False, extra=b""):
        return lambda stream, encoder: frame(HEADERS, END_HEADERS | (END_STREAM if end else 0), stream, encoder.encode(fields, huffman=False)) + (
            b"" if end else frame(DATA, END_STREAM, stream, b"hello")) + extra

    add("plain", "body", head(OK))
    add("plain", "length", head(OK + [(b"content-length", b"5")]))
    add("plain", "no body", head(OK, True))
    add("plain", "204", head([(b":status", b"204")], True))
    for fields in [[], [(b"x", b"y")], OK + OK, [(b"x", b"y"), (b":status", b"200")], [(b":status", b"")], [(b":status", b"2000")], [(b":status", b"20")], [(b":status", b"abc")], [(b":status", b" 200")], [(b":status", b"200\r\nX: y")], [(b":status", b"000")], [(b":status", b"-20")],
                   [(b":status", b"101")], [(b":status", b"600")], [(b":status", b"999")], OK + [(b":path", b"/")], [(b":path", b"/")] + OK, OK + [(b":x", b"y")]]:
        add("status", repr(fields), head(fields))
    for name, value in [(b"connection", b"close"), (b"transfer-encoding", b"chunked"), (b"keep-alive", b"5"), (b"upgrade", b"h2c"), (b"proxy-connection", b"close"), (b"te", b"gzip")]:
        add("connection-field", repr((name, value)), head(OK + [(name, value)]))
    for name, value in [(b"X", b"y"), (b"x y", b"z"), (b"x:y", b"z"), (b"", b"y"), (b"x\r\ny", b"z"), (b"x\0", b"y"), (b"x\xff", b"y"), (b"x(", b"y")]:
        add("name", repr((name, value)), head(OK + [(name, value)]))
    for value in [b"a\r\nset-cookie: b=c", b"a\nb", b"a\rb", b"a\0b", b"a\x01b", b" a", b"a ", b"\ta", b"a\x7f", b"\xff", b"a\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"]:
        add("value", repr(value), head(OK + [(b"x", value)]))
        add("value", "location " + repr(value), head([(b":status", b"302"), (b"location", value)]))
    for value in [b"4", b"6", b"500", b"0", b"+5", b"-5", b"5, 5", b"0x5", b"", b"a", b"18446744073709551621", b"05"]:
        add("length", repr(value), head(OK + [(b"content-length", value)]))
    add("length", "two", head(OK + [(b"content-length", b"5"), (b"content-length", b"6")]))
    add("length", "no data", head(OK + [(b"content-length", b"5")], True))
    for code in [b"204", b"304"]:
        add("no-content-body", code.decode(), head([(b":status", code)]))
        add("no-content-body", code.decode() + " with length", head([(b":status", code), (b"content-length", b"5")]))
    for count in [1, 5]:
        add("interim", str(count), lambda stream, encoder, count=count: b"".join(frame(HEADERS, END_HEADERS, stream, encoder.encode([(b":status", b"103"), (b"link", b"</a>")])) for _ in range(count)) + head(OK)(stream, encoder))
    add("interim-flood", "3000", lambda stream, encoder: b"".join(frame(HEADERS, END_HEADERS, stream, encoder.encode([(b":status", b"103"), (b"link", b"</a>")])) for _ in range(3000)) + head(OK)(stream, encoder))
    add("interim-end", "ended", head([(b":status", b"103")], True))
    add("interim-data", "data behind 103", head([(b":status", b"103")]))
    add("trailers", "plain", lambda s, e: frame(HEADERS, END_HEADERS, s, e.encode(OK)) + frame(DATA, 0, s, b"hello") + frame(HEADERS, END_HEADERS | END_STREAM, s, e.encode([(b"x", b"y")])))
    for fields in [[(b":status", b"200")], [(b"x", b"a\r\nb")], [(b"X", b"y")], [(b"content-length", b"5")], [(b"transfer-encoding", b"chunked")]]:
        add("trailers-broken", repr(fields), lambda s, e, fields=fields: frame(HEADERS, END_HEADERS, s, e.encode(OK)) + frame(DATA, 0, s, b"hello") + frame(HEADERS, END_HEADERS | END_STREAM, s, e.encode(fields, huffman=False)))
    add("trailers-broken", "not the end", lambda s, e: frame(HEADERS, END_HEADERS, s, e.encode(OK)) + frame(DATA, 0, s, b"hello") + frame(HEADERS, END_HEADERS, s, e.encode([(b"x", b"y")])))
    add("data-first", "data", lambda s, e: frame(DATA, END_STREAM, s, b"hello"))
    add("behind-the-end", "data", lambda s, e: head(OK)(s, e) + frame(DATA, END_STREAM, s, b"POISON"))
    add("behind-the-end", "head", lambda s, e: head(OK)(s, e) + head(OK + [(b"x-poison", b"y")], True)(s, e))
    for number in [2, 1001, 1000]:
        add("other-stream", f"head on {number}", lambda s, e, number=number: head(OK + [(b"x-poison", b"y")], True)(number, e) + head(OK)(s, e))
        add("other-stream", f"data on {number}", lambda s, e, number=number: frame(DATA, END_STREAM, number, b"POISON") + head(OK)(s, e))
    add("other-stream", "head on 0", lambda s, e: head(OK, True)(0, e) + head(OK)(s, e))
    add("push", "promise", lambda s, e: frame(PUSH_PROMISE, END_HEADERS, s, struct.pack(">I", 2) + e.encode([(b":method", b"GET"), (b":scheme", b"http"), (b":authority", b"a"), (b":path", b"/next")])) + head(OK, True)(2, e) + head(OK)(s, e))
    for name, data in {"garbage": b"POISON" * 10, "of http/1.1": b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nPOISON", "ping of 7 bytes": frame(PING, 0, 0, b"1234567"), "too large": frame(DATA, 0, 1, b"x" * 20000), "padding": frame(DATA, 8, 1, b"\xff"),
                       "window of 0": frame(WINDOW_UPDATE, 0, 0, b"\0\0\0\0"), "continuation": frame(CONTINUATION, 4, 1, b""), "settings": frame(SETTINGS, 0, 0, b"12345"), "hpack": frame(HEADERS, END_HEADERS, 1, b"\xff\xff\xff\xff\xff\x0f")}.items():
        add("frame", name, lambda s, e, data=data: data)
    # The others may be on a stream that has ended by then.
    add("frame", "padding on an open stream", lambda s, e: frame(DATA, 8, s, b"\xff"))
    add("reset", "cancel", lambda s, e: frame(RST_STREAM, 0, s, struct.pack(">I", 8)))
    add("reset", "in the body", lambda s, e: frame(HEADERS, END_HEADERS, s, e.encode(OK)) + frame(DATA, 0, s, b"hel") + frame(RST_STREAM, 0, s, struct.pack(">I", 2)))
    add("goaway", "at once", lambda s, e: frame(GOAWAY, 0, 0, struct.pack(">II", 0, 0)))
    add("goaway", "behind the answer", lambda s, e: head(OK)(s, e) + frame(GOAWAY, 0, 0, struct.pack(">II", s, 0)))
    add("head-long", "40 KiB", head(OK + [(b"x%d" % i, b"y" * 400) for i in range(30)]))
    return out


class Target:
    """One thread; answers with the method and target, or as `script(path)` says: a function of (stream, encoder), or None."""

    def __init__(self):
        self.server = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self.server.getsockname()[1]
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.server, selectors.EVENT_READ)
        self.wake, self.stop = socket.socketpair()
        self.selector.register(self.wake, selectors.EVENT_READ)
        self.script = None
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while True:
            for key, _ in self.selector.select():
                if key.fileobj is self.wake:
                    return
                if key.fileobj is self.server:
                    sock = self.server.accept()[0]
                    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    self.selector.register(sock, selectors.EVENT_READ, {"have": b"", "begun": False, "encoder": hpack.Encoder(), "decoder": hpack.Decoder()})
                    continue
                try:
                    self.serve(key.fileobj, key.data)
                except OSError:
                    self.selector.unregister(key.fileobj)
                    key.fileobj.close()

    def serve(self, sock, state):
        more = sock.recv(64 * 1024)
        if not more:
            raise OSError("ended")
        state["have"] += more
        if not state["begun"]:
            if len(state["have"]) < len(PREFACE):
                return
            state["have"], state["begun"] = state["have"][len(PREFACE):], True
            sock.sendall(frame(SETTINGS, 0, 0, b""))
        while len(state["have"]) >= 9 and len(state["have"]) >= 9 + int.from_bytes(state["have"][:3], "big"):
            have = state["have"]
            length, kind, flags, number = int.from_bytes(have[:3], "big"), have[3], have[4], int.from_bytes(have[5:9], "big")
            payload, state["have"] = have[9:9 + length], have[9 + length:]
            if kind == SETTINGS and not flags & ACK:
                sock.sendall(frame(SETTINGS, ACK, 0, b""))
            if kind == PING and not flags & ACK:
                sock.sendall(frame(PING, ACK, 0, payload))
            if kind == HEADERS:
                fields = dict(state["decoder"].decode(payload[5 if flags & 0x20 else 0:], raw=True))
                say = self.script and self.script(fields[b":path"])
                if say is None:
                    body = fields[b":method"] + b" " + fields[b":path"]
                    sock.sendall(frame(HEADERS, END_HEADERS, number, state["encoder"].encode(OK)) + frame(DATA, END_STREAM, number, body))
                else:
                    sock.sendall(say(number, state["encoder"]))

    def close(self):
        self.stop.close()
        self.thread.join()
        self.server.close()
