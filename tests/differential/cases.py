"""Byte sequences of clients: everything known by name that two readers of HTTP/1.1 have read differently, and what is near to it.

A case is a name and what one connection carries. SMUGGLED is a request that nobody has sent; NEXT is one that the client sends as well.
"""
import random

import reader

SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
NEXT = b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n"
CHUNKED = b"Transfer-Encoding: chunked"
HELLO = b"5\r\nhello\r\n0\r\n\r\n"
HIDING = b"%x\r\n" % len(SMUGGLED) + SMUGGLED + b"\r\n0\r\n\r\n"  # harmless for who reads chunks, a request for who does not
# Bytes that some reader skips, trims or ends at.
ODD_BYTES = [b"\0", b"\x01", b"\x08", b"\t", b"\x0b", b"\x0c", b"\r", b"\x1c", b"\x1f", b" ", b'"', b"'", b",", b";", b"\x7f", b"\x80", b"\x85",
             b"\xa0", b"\xc2\xa0", b"\xe2\x80\x8b", b"\xef\xbb\xbf", b"\xff"]


def post(lines, body=b"", path=b"/first"):
    return b"POST " + path + b" HTTP/1.1\r\nHost: a\r\n" + lines + b"\r\n\r\n" + body


def get(lines=b"", body=b"", path=b"/first"):
    return b"GET " + path + b" HTTP/1.1\r\nHost: a\r\n" + (lines + b"\r\n" if lines else b"") + b"\r\n" + body


def line(text, lines=b"Host: a"):
    return text + b"\r\n" + lines + b"\r\n\r\n"


def plain():
    yield "get", get()
    yield "post with length", post(b"Content-Length: 5", b"hello")
    yield "post chunked", post(CHUNKED, HELLO)
    yield "post empty", post(b"Content-Length: 0")
    yield "post without length", post(b"X: y")
    for method in [b"HEAD", b"PUT", b"DELETE", b"OPTIONS", b"PATCH", b"PURGE", b"PROPFIND", b"M-SEARCH", b"get", b"G", b"GETGETGET"]:
        yield "method " + method.decode(), line(method + b" /first HTTP/1.1")
    yield "three", get() + post(b"Content-Length: 5", b"hello") + get()
    yield "three chunked", post(CHUNKED, HELLO) * 3
    yield "hundred", get() * 100


CODINGS = [
    b"chunked", b"Chunked", b"CHUNKED", b"\tchunked", b"chunked ", b"chunked\t", b"  chunked  ", b"chunked,", b",chunked", b", chunked", b"chunked, ",
    b"chunked,,", b"chunked, chunked", b"chunked,chunked", b"identity", b"identity, chunked", b"chunked, identity", b"gzip, chunked", b"chunked, gzip",
    b"gzip", b"deflate", b"compress", b"x", b"xchunked", b"chunkedx", b"x chunked", b"chunked x", b"chunked;", b"chunked;a", b"chunked;a=b",
    b"chunked; q=0", b"chunked;q=1, chunked", b'"chunked"', b"'chunked'", b"'chunked", b"[chunked]", b"(chunked)", b"chun\\ked", b"chunked=", b"=chunked",
    b"c hunked", b"", b" ", b",", b"none", b"null", b"cow", b"cow, chunked", b"chunked, cow", b"trailers", b"%63hunked", b"chunked\r\n , x", b"\r\n chunked",
    b"x\r\n\tchunked", b"chun\r\n ked", b"chunked\r\n ", b"\xc4\x80chunked", b"chun\xe2\x84\xaaed", b"c\xd2\xbbunked"]
CODING_LINES = [
    b"Transfer-Encoding:chunked", b"transfer-encoding: chunked", b"TRANSFER-ENCODING: CHUNKED", b"Transfer-Encoding : chunked", b"Transfer-Encoding\t: chunked",
    b"Transfer-Encoding \t : chunked", b"Transfer-Encoding\r\n : chunked", b" Transfer-Encoding: chunked", b"\tTransfer-Encoding: chunked", b"Transfer_Encoding: chunked",
    b"Transfer-Encoding_: chunked", b"Transfer--Encoding: chunked", b"TransferEncoding: chunked", b"Transfer Encoding: chunked", b"Transfer.Encoding: chunked",
    b"Transfer-Encoding:: chunked", b"Transfer-Encoding: : chunked", b"Transfer-Encoding chunked", b"Transfer-Encoding", b"Transfer-Encodin: chunked", b"X-Transfer-Encoding: chunked",
    b'"Transfer-Encoding": chunked', b"Transfer-\xc4\xb0ncoding: chunked", b"Tran\xc5\xbffer-Encoding: chunked", b"Transfer-Encod\xc4\xb1ng: chunked",
    b"Transfer\xe2\x80\x90Encoding: chunked", b"X: y\nTransfer-Encoding: chunked", b"X: y\rTransfer-Encoding: chunked", b"X: y\r\n Transfer-Encoding: chunked",
    b"X:\nTransfer-Encoding: chunked", b"X\nTransfer-Encoding: chunked", b": x\r\nTransfer-Encoding: chunked", b"Transfer-Encoding: x\r\nTransfer-Encoding: chunked",
    b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x", b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
    b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked", b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", b"Transfer-Encoding:\r\nTransfer-Encoding: chunked",
    b"Transfer-Encoding: chunked\r\nTransfer-encoding: cow", b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked", b"TE: chunked", b"Content-Encoding: chunked",
    b"Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked", b"Foo: bar\r\n\rTransfer-Encoding: chunked", b"Transfer-Encoding: chunked\r\n\r"]


def coding():
    lines = [b"Transfer-Encoding: " + value for value in CODINGS] + CODING_LINES
    for byte in ODD_BYTES:
        lines += [b"Transfer-Encoding:" + byte + b"chunked", b"Transfer-Encoding: chunked" + byte, b"Transfer-Encoding" + byte + b": chunked",
                  byte + b"Transfer-Encoding: chunked", b"Transfer" + byte + b"Encoding: chunked"]
    for each in lines:
        yield f"coding alone {each!r}", post(each, HIDING)
        yield f"coding before length {each!r}", post(each + b"\r\nContent-Length: 4", HIDING)
    for each in CODING_LINES[:12] + lines[:12]:
        yield f"coding behind length {each!r}", post(b"Content-Length: 4\r\n" + each, HIDING)
        yield f"coding on get {each!r}", get(each, HIDING)
        yield f"coding on 1.0 {each!r}", b"POST /first HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n" + each + b"\r\n\r\n" + HIDING


LENGTHS = [
    b"5", b"05", b"005", b"+5", b"-5", b"- 5", b"0x5", b"5;a", b"5 5", b"5,5", b"5, 5", b"5, 6", b"5,", b",5", b"5.0", b"5e0", b"5a", b"a5", b"a", b"", b" ", b'"5"',
    b"'5'", b"$5", b"5\r\n 5", b"\r\n 5", b"5\r\n ", b"18446744073709551615", b"18446744073709551616", b"18446744073709551621", b"4294967301", b"9223372036854775807",
    b"9223372036854775808", b"-1", b"-0", b"+0", b"00", b"0x0", b"0 0", b"0,0", b"0, 40", b"1000000000000000000000000000005", b"0" * 40 + b"5", b"0" * 300 + b"5", b"\xd9\xa5",
    b"\xef\xbc\x95", b"5\xc2\xa0", b"5_0", b"0b101", b"0o5", b"five", b"NaN", b"5%", b"%35", b"5\\"]
LENGTH_LINES = [
    b"Content-Length : 5", b"Content-Length\t: 5", b" Content-Length: 5", b"Content_Length: 5", b"Content--Length: 5", b"ContentLength: 5", b"Content Length: 5", b"Content-Length:: 5",
    b"Content-Length: : 5", b"Content-Length 5", b"Content-Length", b'"Content-Length": 5', b"X-Content-Length: 5", b"Content-Length-: 5", b"Content\xe2\x80\x93Length: 5",
    b"X: y\nContent-Length: 5", b"X: y\rContent-Length: 5", b"X: y\r\n Content-Length: 5", b"Content-Length: 5\r\nContent-Length: 5", b"Content-Length: 5\r\nContent-Length: 05",
    b"Content-Length: 5\r\nContent-Length: 6", b"Content-Length: 0\r\nContent-Length: 36", b"Content-Length: 36\r\nContent-Length: 0", b"Content-Length: 5\r\nContent-Length:",
    b"Content-Length:\r\nContent-Length: 5", b"Content-Length: 5\r\nContent_Length: 36", b"Content_Length: 36\r\nContent-Length: 5", b"Content-Length: 5\r\nContent-Length : 36",
    b"content-length: 5", b"CONTENT-LENGTH: 5", b"Content-Length:5", b"Content-Length:\t5", b"Content-Length: 5\t ", b"Connection: Content-Length\r\nContent-Length: 5",
    b"Content-Length\r\n: 5", b"Content-Length:\n 5", b": x\r\nContent-Length: 5"]


def length():
    lines = [b"Content-Length: " + value for value in LENGTHS] + LENGTH_LINES
    for byte in ODD_BYTES:
        lines += [b"Content-Length:" + byte + b"5", b"Content-Length: 5" + byte, b"Content-Length" + byte + b": 5", byte + b"Content-Length: 5",
                  b"Content" + byte + b"Length: 5", b"Content-Length: 3" + byte + b"6"]
    for each in lines:
        yield f"length {each!r}", post(each, b"hello")
        yield f"length hiding {each!r}", post(each, SMUGGLED)
    for each in [b"0", b"5", b"36", b"05"]:
        yield f"length on get {each!r}", get(b"Content-Length: " + each, SMUGGLED)
        yield f"length on head {each!r}", line(b"HEAD /first HTTP/1.1", b"Host: a\r\nContent-Length: " + each) + SMUGGLED
        yield f"length on options {each!r}", line(b"OPTIONS /first HTTP/1.1", b"Host: a\r\nContent-Length: " + each) + SMUGGLED
    yield "length on get of 1.0", b"GET /first HTTP/1.0\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
    for path in [b"/fixed", b"/redirect"]:  # CL.0: who answers without reading the body
        for size in [0, len(SMUGGLED), 5]:
            yield f"length on {path!r} {size}", post(b"Content-Length: %d" % size, SMUGGLED, path)
        yield f"chunked on {path!r}", post(CHUNKED, HIDING, path)
        yield f"both on {path!r}", post(CHUNKED + b"\r\nContent-Length: 4", HIDING, path)
    yield "CL.TE", post(b"Content-Length: 6\r\n" + CHUNKED, b"0\r\n\r\nG")
    yield "CL.TE whole", post(b"Content-Length: %d\r\n" % (5 + len(SMUGGLED)) + CHUNKED, b"0\r\n\r\n" + SMUGGLED)
    yield "TE.CL", post(b"Content-Length: 4\r\n" + CHUNKED, HIDING)
    yield "0.CL", get(b"Content-Length: %d" % len(SMUGGLED), SMUGGLED)
    yield "short body", post(b"Content-Length: 50", b"hello")


def field_lines():
    for byte in ODD_BYTES + [b"\n", b"\r\n", b":", b"(", b"[", b"{", b"/", b"@", b"\\"]:
        yield f"name with {byte!r}", get(b"X" + byte + b"Y: z")
        yield f"name begins with {byte!r}", get(b"A: b\r\n" + byte + b"X: z")
        yield f"name ends with {byte!r}", get(b"X" + byte + b": z")
        yield f"value with {byte!r}", get(b"X: y" + byte + b"z")
        yield f"value begins with {byte!r}", get(b"X:" + byte + b"z")
        yield f"value ends with {byte!r}", get(b"X: z" + byte)
        yield f"first field begins with {byte!r}", b"GET /first HTTP/1.1\r\n" + byte + b"Host: a\r\n\r\n"
        yield f"host begins with {byte!r}", b"GET /first HTTP/1.1\r\nHost:" + byte + b"a\r\n\r\n"
        yield f"host ends with {byte!r}", b"GET /first HTTP/1.1\r\nHost: a" + byte + b"\r\n\r\n"
    for name, lines in {
        "no colon": b"foo", "only colon": b":", "empty name": b": x", "blank name": b" : x", "no value": b"X:", "no colon folded": b"foo\r\n bar", "fold": b"X: a\r\n b",
        "fold tab": b"X: a\r\n\tb", "fold empty": b"X: a\r\n ", "fold twice": b"X: a\r\n b\r\n c", "fold of type": b"Content-Type: a;\r\n b=c", "fold hides": b"X: a\r\n " + CHUNKED,
        "fold of host": b"Y: a\r\nX: y\r\n Host: b", "colon colon": b"X:: y", "braces": b"X{}: y", "long name": b"X" * 300 + b": y", "long value": b"X: " + b"y" * 8000,
        "too long value": b"X: " + b"y" * 17000, "hundred fields": b"\r\n".join(b"X%d: y" % i for i in range(97)), "two hundred fields": b"\r\n".join(b"X%d: y" % i for i in range(200)),
        "too long head": b"\r\n".join(b"X%d: " % i + b"y" * 9000 for i in range(10)), "underscore": b"X_Forwarded_For: 1.2.3.4", "underscore name": b"my_name: x",
        "forwarded": b"X-Forwarded-For: 1.2.3.4", "forwarded thirty": b"X-Forwarded-For: " + b", ".join([b"1.2.3.4"] * 30), "forwarded too many": b"X-Forwarded-For: " + b", ".join([b"1.2.3.4"] * 31),
        "oidc": b"X-Amzn-Oidc-Identity: root", "trace": b"X-Amzn-Trace-Id: Root=1-5759e988-bd862e3fe1be46a994272793", "proxy": b"Proxy: http://evil", "range": b"Range: bytes=0-",
    }.items():
        yield "field " + name, get(lines)
        if len(lines) < 400:
            yield "field on post " + name, post(lines + b"\r\nContent-Length: 5", b"hello")
    yield "first line folded", b"GET /first HTTP/1.1\r\n folded\r\nHost: a\r\n\r\n"
    yield "first line tab", b"GET /first HTTP/1.1\r\n\tHost: a\r\nHost: b\r\n\r\n"


def line_ends():
    head = [b"POST /first HTTP/1.1", b"Host: a", b"X: y", b"Content-Length: 5", b""]
    for end in [b"\n", b"\r", b"\r\r\n", b"\n\r", b"\r\n\r", b"\0\r\n", b" \r\n", b"\t\r\n", b"\x0b\r\n", b"\x85", b"\xe2\x80\xa8", b"", b"\n\n"]:
        for at in range(len(head)):
            ends = [b"\r\n"] * len(head)
            ends[at] = end
            yield f"end {end!r} of line {at}", b"".join(text + stop for text, stop in zip(head, ends)) + b"hello"
        yield f"all ends {end!r}", end.join(head) + end + b"hello"
    for first in [b"\r\n", b"\n", b"\r\n\r\n", b"\r", b" ", b"\0", b"\r\n" * 5, b"\n\n", b"\xef\xbb\xbf", b"x\r\n"]:
        yield f"first {first!r}", first + get()
        yield f"between {first!r}", get() + first + get()
        yield f"behind a body {first!r}", post(b"Content-Length: 5", b"hello" + first) + get()
        yield f"behind chunks {first!r}", post(CHUNKED, HELLO + first) + get()


TARGETS = [
    b"/a?b=c&d", b"/a b", b"/a\tb", b"/a\x0bb", b"/a\0b", b"/a\x01b", b"/a\x7fb", b"/\xc3\xbc", b"/\xff", b"/\xc0\xaf", b"/\xe2\x80\xa8", b"/a#b", b"/#", b"#", b"a", b"", b"*", b"?a", b"\\a", b"/a\\b",
    b"//a/b", b"///", b"/./a", b"/../a", b"/%2e%2e/a", b"/a/..;/b", b"/a%00", b"/a?%00", b"/a%0d%0ab", b"/a%", b"/a%zz", b"/%2fa", b"/a;b=c", b'/a"b', b"/a<b>", b"/a|b", b"/a^b", b"/a{b}", b"/a`b", b"/a[b]",
    b"http://a/first", b"HTTP://a/first", b"http://a", b"http://a?x", b"http://b/first", b"https://a/first", b"http://u@a/first", b"http://u:p@a/first", b"http:///first", b"http:/first", b"http:first",
    b"http://a:80/first", b"http://a:99999/first", b"http://a:x/first", b"http://a b/first", b"http://[::1]/first", b"http://[::1/first", b"ftp://a/first", b"ws://a/first", b"//b/first", b"a:80", b"a/b",
    b"http://a\\@b/first", b"http://a#@b/first", b"http://a/first HTTP/1.1\r\nX: y", b"/" + b"a" * 8000, b"/" + b"a" * 17000, b"/a?" + b"b&" * 2000, b"/first?http://b/", b"@b/first", b"http://a%00/first",
    b"http://a/../b", b"/a\xc2\xa0b", b"/\xed\xa0\x80"]
LINES = [
    b"GET  /first HTTP/1.1", b"GET /first  HTTP/1.1", b"GET\t/first HTTP/1.1", b"GET /first\tHTTP/1.1", b"GET /first HTTP/1.1 ", b"GET /first HTTP/1.1\t", b" GET /first HTTP/1.1", b"\tGET /first HTTP/1.1",
    b"GET /first", b"GET", b"", b"GET /first HTTP", b"GET /first HTTP/", b"GET /first HTTP/1", b"GET /first HTTP/1.", b"GET /first HTTP/.1", b"GET /first HTTP/1.10", b"GET /first HTTP/01.1", b"GET /first HTTP/1.01",
    b"GET /first http/1.1", b"GET /first Http/1.1", b"GET /first HTTP/1,1", b"GET /first HTTP/1.1.1", b"GET /first HTTP/11", b"GET /first HTTP /1.1", b"GET /first HTTP/ 1.1", b"GET /first HTTP/1 .1", b"GET /first HTTP/+1.1",
    b"GET /first HTTP/-1.1", b"GET /first HTTP/0.9", b"GET /first HTTP/0.1", b"GET /first HTTP/1.2", b"GET /first HTTP/1.9", b"GET /first HTTP/2.0", b"GET /first HTTP/2", b"GET /first HTTP/3.0", b"GET /first HTTP/9.9",
    b"GET /first HTTP/1.1 HTTP/1.1", b"GET /first HTTP/1.1\0", b"GET /first HTTP/1.1\x0b", b"GET /first HTTPS/1.1", b"GET /first XTTP/1.1", b"GET /first ICY/1.1", b"GET /first RTSP/1.0", b"GET HTTP/1.1", b"GET  HTTP/1.1",
    b"G(T /first HTTP/1.1", b"GE\0T /first HTTP/1.1", b"GET\x0b/first HTTP/1.1", b"GET\x0c/first HTTP/1.1", b"GET\xa0/first HTTP/1.1", b"GET\r/first HTTP/1.1", b"G\xc4\x96T /first HTTP/1.1", b"GET: /first HTTP/1.1",
    b'"GET" /first HTTP/1.1', b"A" * 65 + b" /first HTTP/1.1", b"A" * 3000 + b" /first HTTP/1.1", b"TRACE /first HTTP/1.1", b"CONNECT a:80 HTTP/1.1", b"CONNECT /first HTTP/1.1", b"OPTIONS * HTTP/1.1", b"PRI * HTTP/2.0",
    b"GET /first /smuggled HTTP/1.1", b"GET /first HTTP/1.1\r", b"GET /first HTTP/1.1\r\rX: y", b"GET /first HTTP/1.1,HTTP/1.1", b"HTTP/1.1 200 OK", b"GET /first HTTP/1.1;", b"\x16\x03\x01\x02\x00\x01\x00"]


def request_lines():
    for target in TARGETS:
        yield f"target {target!r}", line(b"GET " + target + b" HTTP/1.1")
    for text in LINES:
        yield f"line {text!r}", line(text)
        yield f"line without host {text!r}", text + b"\r\n\r\n"
    yield "http09 and more", b"GET /first\r\n" + SMUGGLED
    yield "preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    yield "almost preface", b"PRI * HTTP/2.0\r\n\r\nSX\r\n\r\n" + SMUGGLED


HOSTS = [
    b"Host: a.example:8080", b"Host: A.EXAMPLE", b"host: a", b"HOST: a", b"Host:a", b"Host:\ta", b"Host: [::1]", b"Host: [::1]:80", b"Host: [::1", b"Host: ::1", b"Host: 127.0.0.1", b"Host: 0x7f.1", b"Host: a_b", b"Host: a.",
    b"Host: a..b", b"Host: .a", b"Host: -a", b"Host: a%2eb", b"Host: a%2", b"Host: a%00", b"Host: a, b", b"Host: a,b", b"Host: a b", b"Host: a/b", b"Host: a?b", b"Host: a#b", b"Host: a\\b", b"Host: a@b", b"Host: u:p@b", b"Host: @a", b"Host: a:",
    b"Host: a:0", b"Host: a:65535", b"Host: a:65536", b"Host: a:99999", b"Host: a:+80", b"Host: a:-80", b"Host: a:8 0", b"Host: a:x", b"Host: a:80:80", b"Host: :80", b"Host:", b"Host: ", b"Host: *", b"Host: http://a", b"Host: a\xc3\xbc",
    b"Host: \xe2\x80\x8b", b"Host: a\0b", b"Host: a\rb", b"Host: a\x01b", b"Host: " + b"a" * 300, b"Host: " + b"a." * 2000, b"Host: a\r\nHost: a", b"Host: a\r\nHost: b", b"Host: a\r\nhost: b", b"Host: a\r\nHost:", b"Host:\r\nHost: a", b"Host: a\r\n b",
    b"Host : a", b"Host\t: a", b" Host: a", b"X: y\r\n Host: a", b"X: y\nHost: a", b"Ho\xc5\xbft: a", b"Host_: a", b"Host: a\r\nHost : b", b"Host: a\r\n Host: b", b"X-Forwarded-Host: b", b"Host: a\r\nX-Forwarded-Host: b", b"Host: a\r\nX-Host: b",
    b"Host: <a>", b'Host: "a"', b"Host: a'b", b"Host: a;b", b"Host: a=b", b"Host: a&b", b"Host: (a)", b"X: y"]


def hosts():
    for each in HOSTS:
        yield f"host {each!r}", line(b"GET /first HTTP/1.1", each)
        yield f"host with authority {each!r}", line(b"GET http://b/first HTTP/1.1", each)
    for each in HOSTS[:6] + HOSTS[-1:]:
        yield f"host on 1.0 {each!r}", line(b"GET /first HTTP/1.0", each)


CHUNKS = [
    b"5\r\nhello\r\n0\r\n\r\n", b"05\r\nhello\r\n00\r\n\r\n", b"5 \r\nhello\r\n0\r\n\r\n", b" 5\r\nhello\r\n0\r\n\r\n", b"5\t\r\nhello\r\n0\r\n\r\n", b"5;\r\nhello\r\n0\r\n\r\n", b"5;a\r\nhello\r\n0\r\n\r\n", b"5;a=b\r\nhello\r\n0\r\n\r\n",
    b'5;a="b;c"\r\nhello\r\n0\r\n\r\n', b"5 ;a\r\nhello\r\n0\r\n\r\n", b"5; a\r\nhello\r\n0\r\n\r\n", b"5,a\r\nhello\r\n0\r\n\r\n", b"5;a\nhello\r\n0\r\n\r\n", b"5;\na\r\nhello\r\n0\r\n\r\n", b"5;a\rb\r\nhello\r\n0\r\n\r\n", b'5;a="\n"\r\nhello\r\n0\r\n\r\n',
    b"5;a\0b\r\nhello\r\n0\r\n\r\n", b"5;\x01\r\nhello\r\n0\r\n\r\n", b"5;\xff\r\nhello\r\n0\r\n\r\n", b"5\nhello\r\n0\r\n\r\n", b"5\r\nhello\n0\r\n\r\n", b"5\r\nhello\r\n0\n\r\n", b"5\r\nhello\r\n0\r\n\n", b"5\r\nhello\r\n0\n\n", b"5\rhello\r0\r\r",
    b"5\r\rhello\r\n0\r\n\r\n", b"5\r\nhello\r0\r\n\r\n", b"5\r\nhello0\r\n\r\n", b"5\r\nhelloXX0\r\n\r\n", b"3\r\nabcX\r\n0\r\n\r\n", b"5\r\nhello\r\n\r\n0\r\n\r\n", b"\r\n5\r\nhello\r\n0\r\n\r\n", b"5\r\n\r\nhello\r\n0\r\n\r\n", b"+5\r\nhello\r\n0\r\n\r\n",
    b"-5\r\nhello\r\n0\r\n\r\n", b"-1\r\nhello\r\n0\r\n\r\n", b"-0\r\n\r\n", b"0x5\r\nhello\r\n0\r\n\r\n", b"0X0\r\n\r\n", b"0x0\r\n\r\n", b"5h\r\nhello\r\n0\r\n\r\n", b"g\r\nhello\r\n0\r\n\r\n", b"\r\n", b";a\r\nhello\r\n0\r\n\r\n", b"5_0\r\nhello\r\n0\r\n\r\n",
    b"5.0\r\nhello\r\n0\r\n\r\n", b'"5"\r\nhello\r\n0\r\n\r\n', b"00000000000000005\r\nhello\r\n0\r\n\r\n", b"0000000000000005\r\nhello\r\n0\r\n\r\n", b"FFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n", b"FFFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n",
    b"10000000000000005\r\nhello\r\n0\r\n\r\n", b"8000000000000000\r\nhello\r\n0\r\n\r\n", b"7FFFFFFFFFFFFFFF\r\nhello", b"100000005\r\nhello\r\n0\r\n\r\n", b"FFFFFFFF\r\nhello\r\n0\r\n\r\n", b"\xd9\xa5\r\nhello\r\n0\r\n\r\n", b"5\x0b\r\nhello\r\n0\r\n\r\n",
    b"5\0\r\nhello\r\n0\r\n\r\n", b"5\xa0\r\nhello\r\n0\r\n\r\n", b"0;a\r\n\r\n", b"0 \r\n\r\n", b"000\r\n\r\n", b"0\r\nX", b"0\r\n", b"0", b"", b"5\r\nhello\r\n", b"5\r\nhel", b"5;" + b"a" * 8000 + b"\r\nhello\r\n0\r\n\r\n",
    b"5;" + b"a" * 20000 + b"\r\nhello\r\n0\r\n\r\n", (b"1;" + b"a" * 1000 + b"\r\nx\r\n") * 20 + b"0\r\n\r\n", b"1\r\nx\r\n" * 500 + b"0\r\n\r\n", b"A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n", b"2\r\n\r\n\r\n0\r\n\r\n",
    b"5;a=\"x\r\nhello\r\n0\r\n\r\n", b"5;=\r\nhello\r\n0\r\n\r\n", b"5;a=b;c=d\r\nhello\r\n0\r\n\r\n"]
TRAILERS = [
    b"X: y\r\n", b"X: y\r\nZ: a\r\n", b"Host: b\r\n", b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b"Authorization: x\r\n", b"X-Forwarded-For: 1.2.3.4\r\n", b"Connection: close\r\n", b"Cookie: a=b\r\n", b"X : y\r\n", b" X: y\r\n", b"X: y\r\n z\r\n",
    b"foo\r\n", b": x\r\n", b"X\0: y\r\n", b"X: y\0\r\n", b"X: y\rz\r\n", b"X: y\n", b"X: y\nZ: a\r\n", b"GET /smuggled HTTP/1.1\r\nHost: a\r\n", b"X: " + b"y" * 8000 + b"\r\n", b"X: " + b"y" * 20000 + b"\r\n", b"X: y\r\n" * 70, b"\r", b"Content_Length: 5\r\n",
    b"X: y\x01\r\n", b"X: \xff\r\n", b"grpc-status: 0\r\n"]


def chunks():
    for each in CHUNKS:
        yield f"chunks {each[:60]!r} {len(each)}", post(CHUNKED, each)
    for each in CHUNKS[:58]:
        yield f"chunks hiding {each!r}", post(CHUNKED, each.replace(b"hello", b"GET /"))
    for each in TRAILERS:
        yield f"trailer {each[:60]!r} {len(each)}", post(CHUNKED, b"5\r\nhello\r\n0\r\n" + each + b"\r\n")
        yield f"announced trailer {each[:60]!r} {len(each)}", post(CHUNKED + b"\r\nTrailer: X", b"0\r\n" + each + b"\r\n")


CONNECTIONS = [b"close", b"Close", b"keep-alive", b"close, keep-alive", b"keep-alive, close", b"Host", b"Content-Length", b"Transfer-Encoding", b"X-Forwarded-For", b"X-Amzn-Trace-Id", b"X, Y", b"x", b"Cookie", b"Authorization", b"Upgrade", b"TE", b"TE, Upgrade",
               b"", b",", b"close,", b"\tclose", b"clo se", b"\"close\"", b"close;a", b", ".join([b"a"] * 40), b"Connection", b"Proxy-Connection", b"\x01close", b"close\0", b"HTTP2-Settings, Upgrade"]


def connections():
    for each in CONNECTIONS:
        yield f"connection {each!r}", post(b"Content-Length: 5\r\nX: y\r\nX-Forwarded-For: 1.2.3.4\r\nConnection: " + each, b"hello")
        yield f"connection on chunked {each!r}", post(CHUNKED + b"\r\nConnection: " + each, HELLO)
        yield f"connection on 1.0 {each!r}", line(b"GET /first HTTP/1.0", b"Host: a\r\nConnection: " + each)
    yield "behind close", get(b"Connection: close") + SMUGGLED
    yield "behind 1.0", line(b"GET /first HTTP/1.0") + SMUGGLED
    yield "behind 1.0 with body", b"POST /first HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello" + SMUGGLED
    yield "proxy-connection", get(b"Proxy-Connection: close")
    for error in [b"GET /first HTTP/1.1\r\n\r\n", b"FOO\r\n\r\n", get(b"X : y"), get(b"foo"), line(b"GET /a#b HTTP/1.1"), line(b"GET /first HTTP/2.0"), post(b"Content-Length: x"), post(b"Expect: y\r\nContent-Length: 5", b"hello"),
                  line(b"TRACE /first HTTP/1.1"), get(path=b"/fixed"), get(path=b"/redirect")]:
        yield f"pipelined behind {error[:50]!r}", error + get(path=b"/second")
        yield f"pipelined before {error[:50]!r}", get() + error + get(path=b"/third")


def expectations():
    for value in [b"100-continue", b"100-Continue", b" 100-continue ", b"y 100-continue", b"100-continue, x", b"100-continue\r\nExpect: 100-continue", b"x", b"", b"\x01100-continue", b"200-ok"]:
        yield f"expect {value!r}", post(b"Content-Length: 5\r\nExpect: " + value, b"hello")
        yield f"expect chunked {value!r}", post(CHUNKED + b"\r\nExpect: " + value, HELLO)
        yield f"expect on get {value!r}", get(b"Expect: " + value)
        yield f"expect on 1.0 {value!r}", b"POST /first HTTP/1.0\r\nHost: a\r\nContent-Length: 5\r\nExpect: " + value + b"\r\n\r\nhello"
        yield f"expect without body {value!r}", post(b"Expect: " + value)


def upgrades():
    key = b"\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: "
    settings = b"\r\nHTTP2-Settings: AAMAAABkAAQAAP__"
    for name, lines in {
        "websocket": b"Connection: Upgrade\r\nUpgrade: websocket" + key + b"13", "websocket of a wrong version": b"Connection: Upgrade\r\nUpgrade: websocket" + key + b"1337",
        "websocket without key": b"Connection: Upgrade\r\nUpgrade: websocket", "websocket without connection": b"Upgrade: websocket" + key + b"13", "h2c": b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c" + settings,
        "h2c without settings": b"Connection: Upgrade\r\nUpgrade: h2c", "h2c without token": b"Connection: Upgrade\r\nUpgrade: h2c" + settings, "TLS": b"Connection: Upgrade\r\nUpgrade: TLS/1.0", "both": b"Connection: Upgrade\r\nUpgrade: h2c, websocket" + key + b"13" + settings,
        "twice": b"Connection: Upgrade\r\nUpgrade: websocket\r\nUpgrade: h2c" + key + b"13", "odd": b"Connection: Upgrade\r\nUpgrade: x\x01",
    }.items():
        yield "upgrade " + name, get(lines, SMUGGLED)
        yield "upgrade on post " + name, post(lines + b"\r\nContent-Length: 5", b"hello")


def reader_of_chunks(data):
    """Why a body of these chunks cannot be read; "" where it can."""
    return reader.read(post(CHUNKED, data)).stopped.replace("incomplete", "ends-in-body")


FAMILIES = [plain, coding, length, field_lines, line_ends, request_lines, hosts, chunks, connections, expectations, upgrades]


def table():
    """All of them, each with an honest request behind it."""
    out = {}
    for family in FAMILIES:
        for name, data in family():
            out.setdefault(name, data + NEXT)
    return list(out.items())


PIECES = [b"\r\n", b"\n", b"\r", b" ", b"\t", b"\0", b":", b",", b";", b"0", b"5", b"chunked", b"Transfer-Encoding: chunked\r\n", b"Content-Length: 5\r\n", b"Content-Length: 0\r\n", b"Transfer-Encoding", b"Content-Length", b"Host: b\r\n", b"HTTP/1.1", b"HTTP/1.0",
          b"0\r\n\r\n", b"\r\n\r\n", b"\r\n ", b"Connection: close\r\n", b"Connection: keep-alive\r\n", b"\x0b", b"\x80", b"\xff", b"GET / HTTP/1.1\r\n", b"X: y\r\n", b"http://b", b"//", b"#", b"?", b"%", b"*", b"-", b"+", b"0x", b"Expect: 100-continue\r\n", b"5\r\nhello\r\n"]


def mutants(seed, count):
    """The same bytes changed at random, repeatable by the seed: pieces put in, taken out, doubled, exchanged with another case's."""
    chance = random.Random(seed)
    base = [(name, data) for name, data in table() if len(data) < 1500]
    for number in range(count):
        name, data = chance.choice(base)
        for _ in range(chance.choice([1, 1, 2, 3])):
            at = chance.randrange(len(data) + 1)
            kind = chance.randrange(6)
            if kind == 0:
                data = data[:at] + chance.choice(PIECES) + data[at:]
            elif kind == 1:
                data = data[:at] + data[at + chance.choice([1, 1, 2, 5]):]
            elif kind == 2:
                data = data[:at] + bytes([chance.randrange(256)]) + data[at + 1:]
            elif kind == 3:
                lines = data.split(b"\r\n")
                which = chance.randrange(len(lines))
                lines.insert(chance.randrange(len(lines)), lines[which])
                data = b"\r\n".join(lines)
            elif kind == 4:
                other = chance.choice(base)[1].split(b"\r\n")
                lines = data.split(b"\r\n")
                lines.insert(min(2, len(lines)), chance.choice(other[1:4] or [b""]))
                data = b"\r\n".join(lines)
            else:
                data = data[:at] + data[at:at + 30].swapcase() + data[at + 30:]
        yield f"mutant {seed}.{number} of {name}", data
