"""What must hold of each case, and what differs between us and the others."""
import re
import threading

import h2
import proxies
import reader

# What the balancer writes itself, and what it never passes on.
OWN = {b"host", b"content-length", b"transfer-encoding", b"connection", b"te", b"trailer", b"upgrade", b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-port",
       b"x-amzn-trace-id"}
H2_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTLED = re.compile(rb"/settled-")


def look(group, name, number, data, patience=0.0):
    got = proxies.exchange(group.ports[name], data, patience)
    return got, proxies.settle(group.ports[name], number), group.targets[name].take()


def again(group, name, data):
    """HAProxy drops a request that it has in its buffer if it hears of the client's end before it comes to that: a second look
    leaves it time, and a third one more."""
    for patience in (0.03, 1.0):
        kind = difference(look(group, "defensive", 0, data, patience)[2], look(group, name, 0, data, patience)[2])
        if not kind:
            break
    return kind


def all_at_once(group, names, table, one):
    """{name: what one(name) found, an entry for each of the table}; each name in a thread of its own."""
    results = {}

    def keep(name):
        results[name] = one(name)

    threads = [threading.Thread(target=keep, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lost = [name for name in names if len(results.get(name, [])) != len(table)]
    assert not lost, f"{lost} did not come to the end\n{group.logs()}"
    return results


def run(group, cases):
    """Each case through each proxy: {name: [(bytes to the client, bytes to the next client, [(bytes to a target, ended)])]}."""
    def one(name):
        out = []
        for number, (_, data) in enumerate(cases):
            out.append(look(group, name, number, data))
        return out

    return all_at_once(group, proxies.NAMES, cases, one)


def seen(told):
    """The requests that a target read, whole ones first, and the words of their reading."""
    whole, parts, words = [], [], set()
    for data, ended in told:
        reading = reader.read(data)
        for request in reading.requests:
            if request.whole and SETTLED.match(request.target):
                continue
            (whole if request.whole else parts).append((request, ended))
            words |= request.words
        if reading.stopped not in ("", "incomplete"):
            words.add(reading.stopped)
    return whole, parts, words


def faults(mode, data, result):
    """What our side did wrong with these bytes, in words."""
    got, settled, told = result
    out = []
    said = reader.read(data)
    whole, parts, words = seen(told)
    bad = words - reader.NEUTRAL - {"get-body", "get-zero", "get-chunked", "value-control", "forwarded-too-many", "incomplete"}
    if bad:
        out.append(f"a target was told what can be read in two ways: {sorted(bad)}")
    # Each request that a target saw is one that the client sent, in order.
    at = 0
    for request, _ in whole:
        while at < len(said.requests) and not same(said.requests[at], request):
            at += 1
        if at == len(said.requests):
            out.append(f"a target saw what the client did not send: {request.key()}")
            return out
        sent = said.requests[at]
        out += wrong_with(mode, sent, request)
        at += 1
        if sent.words & reader.CLOSING and at < len(said.requests):
            out.append("a request was read behind an ambiguous one")
    for request, ended in parts:
        if not ended:
            out.append("a request that is not whole was left at a target")
        elif request.framing != "unread":
            begun = [sent for sent in said.requests if sent.method == request.method and sent.target == request.target and sent.body.startswith(request.body)]
            if not begun:
                out.append(f"a target saw the beginning of what the client did not send: {request.key()}")
            else:
                out += wrong_with(mode, begun[0], request, said.stopped)
    # The client reads one answer for each request, and no two are exchanged.
    answers, rest = reader.responses(got, [request.method for request in said.requests])
    if rest and not data.startswith(H2_PREFACE):
        out.append(f"the client is left with {rest[:60]!r}")
    if len(answers) > max(len(said.requests), 1):
        out.append("more answers than requests")
    bodies = [body for status, body, _ in answers if status == 200]
    expected = [b"" if request.method == b"HEAD" else request.method + b" " + request.target for request, _ in whole]
    if bodies != expected[:len(bodies)]:
        out.append(f"answers {bodies} to requests {expected}")
    others, rest = reader.responses(settled, [b"GET"])
    if rest or [(status, body[:13]) for status, body, _ in others] != [(200, b"GET /settled-")]:
        out.append(f"the next client got {settled[:200]!r}")
    return out


def same(sent, request):
    return sent.whole and sent.key() == request.key()


def wrong_with(mode, sent, request, stopped=""):
    out = []
    beyond = sent.words - reader.MODES[mode] - {stopped}
    if beyond:
        out.append(f"{sorted(beyond)} was passed on in {mode}")
    known = {(name, spaced(value)) for name, value in sent.fields}
    foreign = [(name, value) for name, value in request.fields if name not in OWN and (name, spaced(value)) not in known]
    if foreign:
        out.append(f"a target saw fields that the client did not send: {foreign}")
    return out


def spaced(value):
    return b" ".join(value.split())


def difference(ours, theirs):
    """"" where both targets saw the same whole requests; else which side stopped first, or that they saw others."""
    mine = [request.key() for request, _ in seen(ours)[0]]
    other = [request.key() for request, _ in seen(theirs)[0]]
    if mine == other:
        return ""
    if other[:len(mine)] == mine:
        return "we stop"
    if mine[:len(other)] == other:
        return "they stop"
    return "differs"


def words_of(data):
    """What there is to say of a case: one of them must explain a difference."""
    reading = reader.read(data)
    if any(request.target in (b"/fixed", b"/redirect") for request in reading.requests):
        return (reading.words - {"clean"}) | {"own-answer"}
    return reading.words


def rows(path, section):
    """Of a section of the page: (words, proxies, differences) of each row, each a set."""
    out, here = [], False
    for line in open(path, encoding="utf-8"):
        if line.startswith("## "):
            here = line.strip() == "## " + section
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]
        if here and len(cells) == 4 and cells[0].startswith("`"):
            assert cells[3], f"a row without a reason: {line}"
            out.append((set(re.findall(r"`([^`]+)`", cells[0])), set(cells[1].split(", ")), set(cells[2].split(", "))))
    assert out, f"no rows of {section} in {path}"
    return out


class Explained:
    """Which differences the page explains, and which of its rows were needed."""

    def __init__(self, path, section):
        self.rows = rows(path, section)
        self.needed = set()

    def check(self, words, proxy, kind):
        found = [at for at, row in enumerate(self.rows) if row[0] & words and proxy in row[1] and kind in row[2]]
        self.needed.update(found)
        return bool(found)

    def idle(self):
        return [row for at, row in enumerate(self.rows) if at not in self.needed]


def poisoned(result):
    """Whether the next client got something else than its own answer."""
    answers, rest = reader.responses(result[1], [b"GET"])
    return bool(rest) or [(status, body[:13]) for status, body, _ in answers] != [(200, b"GET /settled-")]


HOSTILE = re.compile(rb"/hostile-(\d+)")


def run_answers(group, names, table):
    """Each answer of a target through each proxy: {name: [(bytes to the client, bytes to the next client)]}."""
    def script(request, connection):
        found = HOSTILE.match(request.target)
        if not found:
            return None
        _, _, _, data, close = table[int(found.group(1))]
        connection.ended = connection.ended or close
        return data.partition(b"|")[0]

    def one(name):
        target, out = group.targets[name], []
        target.script = script
        for number, (word, _, method, data, _) in enumerate(table):
            asked = method + b" /hostile-%d HTTP/1.1\r\nHost: a\r\n\r\n" % number
            got = proxies.exchange(group.ports[name], asked + NEXT)
            if word == "idle":
                target.say(data.partition(b"|")[2])
            out.append((got, proxies.settle(group.ports[name], number)))
            target.take()
        target.script = None
        return out

    return all_at_once(group, names, table, one)


NEXT = b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n"


def outcome(method, result):
    """Of the first answer: (status, body) where the client has a whole one of the target, else (); and whether the second one, if there is
    one, is the client's own. How much of one that broke was on its way already is a matter of time."""
    answers, rest = reader.responses(result[0], [method, b"GET"])
    own = all((status, body) == (200, b"GET /next") or not whole or status >= 400 for status, body, whole in answers[1:])
    if not answers:
        return (), own
    status, body, whole = answers[0]
    return ((status, body) if whole and status < 400 else ()), own


def answer_faults(method, result):
    out = []
    answers, rest = reader.responses(result[0], [method, b"GET"])
    _, own = outcome(method, result)
    if rest and (not answers or answers[-1][2]):
        out.append(f"the client is left with {rest[:60]!r}")
    if answers and answers[0][0] == 504:
        out.append("the client waited for what had come")
    if len(answers) > 2 or not own:
        out.append(f"answers that nobody asked for: {answers}")
    if poisoned(result):
        out.append(f"the next client got {result[1][:200]!r}")
    return out


def answer_difference(method, ours, theirs):
    mine, other = outcome(method, ours)[0], outcome(method, theirs)[0]
    if mine == other:
        return ""
    if mine and other:
        return "differs"
    return "they refuse" if mine else "we refuse"


H2_PORTS = {"defensive": "defensive", "haproxy": "haproxy_h2", "nginx": "nginx_h2"}


def run_h2(group, table):
    """{name: [(what came of both streams, bytes to the next client, what the target was told)]}"""
    def one(name):
        out = []
        for number, case in enumerate(table):
            got = h2.talk(group.ports[H2_PORTS[name]], case)
            settled = proxies.settle(group.ports[name], number)
            out.append((got, settled, group.targets[name].take()))
        return out

    return all_at_once(group, H2_PORTS, table, one)


def h2_keys(told):
    return [request.key() for request, _ in seen(told)[0] if request.target != b"/next"]


def h2_faults(case, result):
    _, fields, data, trailers = case
    streams, _, told = result
    expected, said = h2.meaning(fields, data, trailers)
    out = []
    whole, parts, words = seen(told)
    bad = words - reader.NEUTRAL - {"get-body", "get-zero", "get-chunked", "value-control", "forwarded-too-many", "incomplete"}
    if bad:
        out.append(f"a target was told what can be read in two ways: {sorted(bad)}")
    for key in h2_keys(told):
        if expected is None or key != expected.key():
            out.append(f"a target saw what the client did not send: {key}, {sorted(said)}")
    if len(h2_keys(told)) > 1:
        out.append("a request was sent twice")
    if expected is not None and h2_keys(told) and said - reader.MODES["defensive"] - h2.FREE - {"length-lies"}:
        out.append(f"{sorted(said)} was passed on")
    if any(not ended for _, ended in parts):
        out.append("a request that is not whole was left at a target")
    if streams[3][0] == 200 and streams[3][1] != b"GET /next":
        out.append(f"the other stream got {streams[3]}")
    if streams[1][0] == 200 and not h2_keys(told):
        out.append(f"an answer of nobody: {streams[1]}")
    if poisoned((None, result[1])):
        out.append(f"the next client got {result[1][:200]!r}")
    return out


def h2_difference(ours, theirs):
    mine, other = h2_keys(ours[2]), h2_keys(theirs[2])
    if mine == other:
        return ""
    if mine and other:
        return "differs"
    return "they refuse" if mine else "we refuse"


TO_H2 = {"berth": "berth_to_h2", "haproxy": "haproxy_to_h2"}


def ask_h2(port, path):
    return h2.talk(port, ("", h2.changed(b":path", path), None, None))


def run_h2_answers(group, names, table):
    """{name: [(what came of both streams, what the next client got)]}"""
    def script(path):
        found = HOSTILE.match(path)
        return table[int(found.group(1))][2] if found else None

    def one(name):
        group.h2_targets[name].script = script
        out = []
        for number in range(len(table)):
            try:
                got = ask_h2(group.ports[TO_H2[name]], b"/hostile-%d" % number)
                settled = ask_h2(group.ports[TO_H2[name]], b"/settled-%d" % number)
            except OSError:
                if name != "haproxy" or not group.haproxy_died():
                    raise
                got = settled = None
            if name == "haproxy" and settled is not None and settled[1][2] == "closed" and group.haproxy_died():
                got = settled = None
            out.append((got, settled))
        return out

    return all_at_once(group, names, table, one)


def h2_outcome(result):
    """The target's whole answer as its client has it, else (): refused or visibly broken off."""
    status, body, how, _ = result[0][1]
    return (status, body) if how == "ended" and status and status < 400 else ()


def h2_answer_faults(number, result):
    streams, settled = result
    out = []
    if streams[3][0] == 200 and streams[3][2] == "ended" and streams[3][1] != b"GET /next":
        out.append(f"the other stream got {streams[3]}")
    if (settled[1][0], settled[1][1], settled[1][2]) != (200, b"GET /settled-%d" % number, "ended"):
        out.append(f"the next client got {settled[1]}")
    if 504 in (streams[1][0], streams[3][0]):
        out.append("the client waited for what had come")
    for name, value in streams[1][3] + streams[3][3]:
        if name != b":status" and (not reader.TOKEN.match(name) or name != name.lower() or re.search(rb"[\r\n\0]", value)):
            out.append(f"the client got the field {name!r}: {value!r}")
    if b"POISON" in streams[1][1] + streams[3][1] or any(name == b"x-poison" for each in (*streams.values(), *settled.values()) for name, _ in each[3]):
        out.append(f"what belongs to no stream reached a client: {streams}")
    return out


def h2_answer_difference(ours, theirs):
    if theirs[0] is None:
        return "they end"
    mine, other = h2_outcome(ours), h2_outcome(theirs)
    if mine == other:
        return ""
    if mine and other:
        return "differs"
    return "they refuse" if mine else "we refuse"
