"""What a hostile or broken target may answer: a word, a name, the method of the request, the bytes, and whether the target closes behind them.

POISON is what no other client may ever see.
"""
import cases

POISON = b"HTTP/1.1 200 OK\r\nX-Poison: y\r\nContent-Length: 6\r\n\r\nPOISON"
OK = b"HTTP/1.1 200 OK\r\n"


def ok(lines, body=b""):
    return OK + lines + b"\r\n\r\n" + body


def table():
    out = []

    def add(word, data, close=False, method=b"GET"):
        out.append((word, f"{word} {len(out)} {data[:70]!r}", method, data, close))

    hello = b"Content-Length: 5"
    add("plain", ok(hello, b"hello"))
    add("plain", ok(cases.CHUNKED, cases.HELLO))
    add("plain", ok(b"X: y", b"hello"), True)
    add("plain", b"HTTP/1.0 200 OK\r\n\r\nhello", True)
    add("plain", b"HTTP/1.1 204 No Content\r\n\r\n")
    add("plain", b"HTTP/1.1 304 Not Modified\r\n\r\n")
    add("plain", ok(hello), False, b"HEAD")
    add("plain", ok(cases.CHUNKED), False, b"HEAD")
    add("plain", b"HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n")
    for extra in [POISON, b"POISON", b"\r\n", b"\0", b"\r\n" + POISON, b"0\r\n\r\n", b"HTTP/1.1 "]:
        add("bytes-behind", ok(hello, b"hello" + extra))
        add("bytes-behind", ok(cases.CHUNKED, cases.HELLO + extra))
        add("bytes-behind", ok(b"Content-Length: 0", extra))
        add("no-content-body", b"HTTP/1.1 204 No Content\r\n\r\n" + extra)
        add("no-content-body", b"HTTP/1.1 204 No Content\r\nContent-Length: %d\r\n\r\n" % len(extra) + extra)
        add("no-content-body", b"HTTP/1.1 204 No Content\r\n" + cases.CHUNKED + b"\r\n\r\n" + b"%x\r\n" % len(extra) + extra + b"\r\n0\r\n\r\n")
        add("no-content-body", b"HTTP/1.1 304 Not Modified\r\n\r\n" + extra)
        add("no-content-body", b"HTTP/1.1 304 Not Modified\r\nContent-Length: %d\r\n\r\n" % len(extra) + extra)
        add("head-body", ok(b"Content-Length: %d" % len(extra), extra), False, b"HEAD")
        add("head-body", ok(cases.CHUNKED, b"%x\r\n" % len(extra) + extra + b"\r\n0\r\n\r\n"), False, b"HEAD")
        add("idle", ok(hello, b"hello") + b"|" + extra)  # what is behind the bar is said once the client has its answer
    for lines in [b"Content-Length: 4\r\n" + cases.CHUNKED, cases.CHUNKED + b"\r\nContent-Length: 4"]:
        add("coding-and-length", ok(lines, cases.HIDING), True)
        add("coding-and-length", ok(lines, cases.HELLO), True)
    for value in [b"5, 5", b"5,5", b"5, 6", b"+5", b"-5", b"-1", b"0x5", b"5 5", b"5;a", b"", b"a", b"5a", b"5.0", b"18446744073709551616", b"18446744073709551621", b"9223372036854775808", b"5\xa0", b"5\x0b", b"05", b"5\0"]:
        add("length-broken" if value != b"05" else "plain", ok(b"Content-Length: " + value, b"hello"), True)
    add("length-twice", ok(hello + b"\r\n" + hello, b"hello"), True)
    add("length-differs", ok(hello + b"\r\nContent-Length: 6", b"hello!"), True)
    add("length-differs", ok(b"Content-Length: 0\r\n" + hello, b"hello"), True)
    add("length-differs", ok(b"Content-Length: 05\r\n" + hello, b"hello"), True)
    for value in [b"xchunked", b"identity", b"gzip", b"gzip, chunked", b"chunked, gzip", b"chunked, chunked", b"chunked;a=b", b"chunked,", b",chunked", b'"chunked"', b"", b"chunked\x0b", b"\x0bchunked", b"chunked\xa0", b"x\r\n chunked", b"chunked\r\nTransfer-Encoding: chunked",
                  b"x\r\nTransfer-Encoding: chunked", b"chunked\r\nTransfer-Encoding: identity", b"chunked\0"]:
        add("coding-other", ok(b"Transfer-Encoding: " + value, cases.HELLO), True)
    add("coding-http10", b"HTTP/1.0 200 OK\r\n" + cases.CHUNKED + b"\r\n\r\n" + cases.HELLO, True)
    for lines in [b"Content-Length : 5", b"Content_Length: 5", b" Content-Length: 5", b"Content-Length\0: 5", b"X: y\nContent-Length: 5", b"Transfer-Encoding : chunked", b"Transfer_Encoding: chunked", b"\x0bTransfer-Encoding: chunked", b"Content-Length\xa0: 5",
                  b"Content-Length\t: 5", hello + b"\r\nTransfer_Encoding: chunked", hello + b"\r\nTransfer-Encoding : chunked"]:
        add("look-alike", ok(b"X: y\r\n" + lines, b"hello"), True)
    for each in cases.CHUNKS:
        whole = cases.reader_of_chunks(each)
        add(whole or "chunks", ok(cases.CHUNKED, each), True)
    for each in cases.TRAILERS:
        add("trailers", ok(cases.CHUNKED, b"5\r\nhello\r\n0\r\n" + each + b"\r\n"), True)
    for lines in [b"X: a\rb", b"X: a\nb", b"X: a\0b", b"X: a\r\n b", b"foo", b": x", b"X : y", b"X\0: y", b"X\x01: y", b"X Y: z", b"X(: y", b"X: \x01", b"X: \x7f", b"X: \xff", b"Location: /a\rSet-Cookie: b=c", b"Location: /a\nSet-Cookie: b=c", b"X:" + b"y" * 9000,
                  b"\x0bX: y", b"\xffX: y"]:
        add("field-odd", ok(lines + b"\r\n" + hello, b"hello"), True)
    for line in [b"HTTP/1.1 200", b"HTTP/1.1 2000 OK", b"HTTP/1.1 20 OK", b"HTTP/2.0 200 OK", b"HTTP/2 200 OK", b"http/1.1 200 OK", b"HTTP/1.1  200 OK", b"HTTP/1.1 abc OK", b"ICY 200 OK", b"200 OK", b" HTTP/1.1 200 OK", b"HTTP/1.1 099 OK", b"HTTP/1.1 000 OK", b"HTTP/1.1 -20 OK",
                 b"HTTP/1.1 200\0OK", b"HTTP/1.1 200 O\x01K", b"HTTP/1.1 200 O\rK", b"HTTP/1.2 200 OK", b"HTTP/1.10 200 OK", b"HTTP/0.9 200 OK", b"HTTP/1.1\t200 OK", b"HTTP/1.1 200\tOK", b"\r\nHTTP/1.1 200 OK", b"hello", b"<html>", b"\x16\x03\x01", b"\0"]:
        add("status-line", line + b"\r\n" + hello + b"\r\n\r\nhello", True)
    for line in [b"HTTP/1.1 600 X", b"HTTP/1.1 999 X", b"HTTP/1.1 299 X"]:
        add("status-odd", line + b"\r\n" + hello + b"\r\n\r\nhello", True)
    lf = (OK + hello + b"\r\n\r\n").replace(b"\r\n", b"\n")
    add("bare-lf", lf + b"hello", True)
    add("bare-lf", OK + hello + b"\r\n\nhello", True)
    add("bare-lf", OK + hello + b"\n\r\nhello", True)
    interim = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    for data in [b"HTTP/1.1 100 Continue\r\n\r\n", interim, b"HTTP/1.1 102 Processing\r\n\r\n", interim * 5, b"HTTP/1.1 199 X\r\n\r\n", b"HTTP/1.1 103 X\r\nContent-Length: 0\r\n\r\n"]:
        add("interim", data + ok(hello, b"hello"), True)
    add("interim-body", b"HTTP/1.1 103 X\r\nContent-Length: 6\r\n\r\nPOISON" + ok(hello, b"hello"), True)
    add("interim-flood", interim * 3000 + ok(hello, b"hello"), True)
    add("interim-end", interim, True)
    add("switch", b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n" + POISON, True)
    add("switch", b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n" + POISON, True)
    add("switch", b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + ok(hello, b"hello"), True)
    add("head-long", ok(b"X: " + b"y" * 33000 + b"\r\n" + hello, b"hello"), True)
    add("head-long", ok(b"\r\n".join(b"X%d: y" % i for i in range(200)) + b"\r\n" + hello, b"hello"), True)
    add("head-long", ok(b"\r\n".join(b"X%d: " % i + b"y" * 9000 for i in range(10)) + b"\r\n" + hello, b"hello"), True)
    for data in [b"", b"H", b"HTTP/1.1 200 OK", OK, OK + hello, OK + hello + b"\r\n", b"\r\n"]:
        add("ends-in-head", data, True)
    for data in [ok(b"Content-Length: 50", b"hello"), ok(cases.CHUNKED, b"5\r\nhel"), ok(cases.CHUNKED, b"5\r\nhello\r\n"), ok(cases.CHUNKED, b""), ok(cases.CHUNKED, b"5\r\nhello\r\n0\r\n"), ok(hello, b"")]:
        add("ends-in-body", data, True)
    for value in [b"close", b"Content-Length", b"Transfer-Encoding", b"keep-alive, X", b"Set-Cookie", b"upgrade", b", ".join([b"a"] * 40)]:
        add("connection", ok(b"Connection: " + value + b"\r\nX: y\r\nSet-Cookie: a=b\r\n" + hello, b"hello"), True)
    return out
