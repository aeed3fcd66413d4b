"""Yardmaster client in one file: copy it beside your program. Needs Python 3.9 and pyzmq, nothing else.

One thread owns a client; nothing runs in the background. What is queued leaves as one batch with the next poll(), which every
waiting call makes; a program that is busy otherwise calls poll() about once a second. A lost connection or a broker that starts
again needs no care: the session is resumed, what has no answer is sent again, and what was taken before is recognised."""
import collections
import os
import struct
from time import monotonic

import zmq

HELLO, PUBLISH, SETTLE, CREDIT, HEARTBEAT, DRAIN, BYE = range(1, 8)
WELCOME, CONFIRM, DELIVER, LOST, REPLY, ERROR = range(17, 23)
ACK, NACK, REJECT, THROTTLED, RELEASE, EXTEND, PART = range(7)
BODY_IN_SECOND_FRAME, TELL_DURABLE, FOREVER = 1, 2, float("inf")
FIELDS, _by_tag = {}, {}  # name: (tag, kind) and tag: (name, kind); kind "#" is a number, "*" octets, else text
for _tag, _names in (1, "session* versions* queue heartbeat_ms# bytes# through# priority# ttl_ms# not_before_ms# key message_id "
                     "retry_after_ms# parts*"), (0x80, "text topic type timestamp_ms# reply_to correlation* content_type encoding "
                     "traceparent tracestate fence# first_accepted_ms# headers* boot# epoch# broker_time_ms# frame_max# records_max# "
                     "last_tag# endpoint"):
    for _tag, _name in enumerate(_names.split(), _tag):
        FIELDS[_name.rstrip("*#")], _by_tag[_tag] = (_tag, _name[-1]), (_name.rstrip("*#"), _name[-1])
_head, _record, _field, _number = (struct.Struct(">" + layout) for layout in ("4sBBHQ", "IHHQ", "BH", "Q"))


class Refused(Exception):
    """The broker's no: (status, text). The status says what to do: 4xx do not send again as it is, 429 and 5xx later."""
    status, text = property(lambda self: self.args[0]), property(lambda self: self.args[1])


def octets_of(value):
    return value.encode() if isinstance(value, str) else value


def encode_fields(fields):
    """Octets of a dict of text, numbers or octets; a list repeats the field; `headers` is a dict of user properties."""
    out = []
    for name, value in fields.items():
        tag, kind = FIELDS[name]
        if name == "headers":
            value = [bytes((len(octets_of(name)),)) + octets_of(name) + octets_of(text) for name, text in value.items()]
        for one in value if isinstance(value, list) else () if value is None else (value,):
            octets = _number.pack(one) if kind == "#" else octets_of(one)
            out.append(_field.pack(tag, len(octets)) + octets)
    return b"".join(out)


def decode_fields(octets):
    """The dict that encode_fields() takes; unknown tags stay numbers. What is malformed, or must be understood, raises Refused."""
    fields, at = {}, 0
    while at < len(octets):
        tag, length = _field.unpack_from(octets, at) if len(octets) - at >= 3 else (0, 0)
        value, at, (name, kind) = octets[at + 3:at + 3 + length], at + 3 + length, _by_tag.get(tag, (tag, "*"))
        if at > len(octets) or kind == "#" and length != 8 or name == tag < 128 or name == "headers" and not 0 < [*value, 0][0] < length:
            raise Refused(400, f"field {name}")
        if name == "headers":
            fields.setdefault(name, {}).setdefault(value[1:1 + value[0]].decode("utf-8", "replace"), value[1 + value[0]:])
            continue
        value = _number.unpack(value)[0] if kind == "#" else value if kind == "*" else value.decode("utf-8", "replace")
        fields[name] = fields.get(name, []) + [value] if name == "queue" else fields.get(name, value)
    return fields


def encode_frame(verb, name=b"", number=0, records=(), flags=0):
    """One frame; `records` are (code, id, encoded fields, body)."""
    out = [_head.pack(b"YMP1", verb, flags, len(name), number), name]
    for code, ident, fields, body in records:
        out += (_record.pack(16 + len(fields) + len(body), 16 + len(fields), code, ident), fields, body)
    return b"".join(out)


def decode_frame(octets):
    """(verb, name, number, records, flags) as encode_frame() takes them. What is not YMP/1 raises Refused."""
    if octets[:4] != b"YMP1" or len(octets) < 16:
        raise Refused(426 if octets[:3] == b"YMP" and octets[3:4].isdigit() and octets[3:4] != b"1" else 400, "magic")
    _, verb, flags, length, number = _head.unpack_from(octets)
    name, at, end, records = octets[16:16 + length], 16 + length, len(octets), []
    if at > end or length > 255 or not (HELLO <= verb <= BYE or WELCOME <= verb <= ERROR):
        raise Refused(400, "head")
    while at < end:
        length, body_at, code, ident = _record.unpack_from(octets, at) if end - at >= 16 else (0, 0, 0, 0)
        if not 16 <= body_at <= length <= end - at:
            raise Refused(400, f"record at {at}")
        records.append((code, ident, octets[at + 16:at + body_at], octets[at + body_at:at + length]))
        at += length
    return verb, name, number, records, flags


class _Peer:
    """A session with the broker that outlives connections: HELLO, WELCOME, heartbeats, BYE."""

    def __init__(self, endpoint, name, heartbeat, credit=0, queues=()):
        self.session, self.welcome, self.connected, self.draining, self.heartbeat = os.urandom(16), {}, False, False, heartbeat
        self.unconfirmed, self.requests, self._out, self._last = {}, {}, collections.deque(), 0
        self._endpoint, self._name, self._queues = endpoint, octets_of(name or f"python-{os.getpid()}"), list(queues)
        self._socket, self._leaving, self._due = None, False, FOREVER
        self._patience = heartbeat  # for how long the broker may be silent before a new connection is tried
        self._open(credit)

    __enter__, __exit__ = (lambda self: self), (lambda self, *_: self.close())

    def poll(self, timeout=0.0):
        """Sends what is due, reads what has come, and waits up to `timeout` seconds for something to come."""
        if self.connected:
            self._send_due(monotonic())
            timeout = min(timeout, min(self._sent + self.heartbeat, self._due) - monotonic())
        self._socket.poll(max(0.0, min(timeout, self._heard + self._patience - monotonic())) * 1000)
        while self._socket.events & zmq.POLLIN:
            self._take(self._socket.recv_multipart())
        if monotonic() - self._heard >= self._patience:
            self._patience = self.heartbeat if self.connected else min(10 * self.heartbeat, 2 * self._patience)
            self._open()
        elif self.connected:
            self._send_due(monotonic())
            if monotonic() - self._sent >= self.heartbeat:
                self._send(HEARTBEAT)

    def flush(self, timeout=None):
        """Waits until all that was published or settled has its answer; False if `timeout` seconds were not enough."""
        return self._until(lambda: not self._out and not self.unconfirmed, timeout)

    def close(self, timeout=5.0):
        """Flushes, and leaves. Only the broker's BYE proves that it has read all; what a worker still holds is released."""
        self.flush(timeout)
        if self.connected:
            self._leaving = self._send(BYE)
            self._until(lambda: not self.connected, 2.0)
        self._socket.close(0)

    def _open(self, credit=0):
        if self._socket is not None:  # libzmq's own reconnection would send what is left in its queue before our HELLO
            self._socket.close(0)
        self._socket, self.connected, self._heard = zmq.Context.instance().socket(zmq.DEALER), False, monotonic()
        self._socket.linger, self._socket.sndhwm = 0, 0  # windows and credit bound what is queued
        self._socket.connect(self._endpoint)
        fields = {"session": self.session, "versions": b"\1", "queue": self._queues, "heartbeat_ms": int(self.heartbeat * 1000)}
        lowest = 0 if self._queues else min([*self.unconfirmed, *self.requests, self._last + 1])
        self._send(HELLO, self._name, credit, [(0, lowest, encode_fields(fields), b"")])

    def _send(self, *frame):
        self._socket.send(encode_frame(*frame), zmq.DONTWAIT)
        self._sent = monotonic()
        return True

    def _take(self, parts):
        self._heard = monotonic()
        verb, name, number, records, flags = decode_frame(parts[0])
        if flags & BODY_IN_SECOND_FRAME and records and len(parts) > 1:
            records[-1] = records[-1][:3] + (parts[1],)
        status = records[0][0] if verb == ERROR and records else 0
        if verb == WELCOME and not self.connected:
            self.welcome, self.connected, self.draining = decode_fields(records[0][2]), True, False
            self.heartbeat, self._patience = self.welcome["heartbeat_ms"] / 1000, self.welcome["heartbeat_ms"] / 100
            self._on_welcome()
        elif verb == BYE or status == 428 and self._leaving:
            self.connected, self._patience = False, 0.2
        elif status == 428 and self.connected:
            self._open()  # libzmq has reconnected by itself, and the broker does not know the new connection
        elif status and status not in (428, 503, 507):
            raise Refused(status, f"{name.decode()}: {decode_fields(records[0][2]).get('text', '')}")
        elif verb == DRAIN:
            self.draining = True
        elif self.connected:
            self._on_frame(verb, name, number, records)

    def _until(self, condition, timeout):
        deadline = FOREVER if timeout is None else monotonic() + timeout
        while not condition():
            if monotonic() >= deadline:
                return False
            self.poll(min(deadline - monotonic(), 1.0))
        return True


class Publication:
    """A message on its way. `status`: None until the broker has answered, 2xx = taken. `reply`: None, then 200 (the last of
    `parts` is there), 410 (dead letter) or 504 (none in time). `done`: nothing more will come."""
    __slots__ = ("sequence", "address", "code", "fields", "body", "give_up", "status", "text", "parts", "reply")
    ok = property(lambda self: self.status is not None and self.status < 300)
    done = property(lambda self: self.status is not None and (not self.code or self.reply is not None or self.status >= 300))

    def __init__(self, *values):
        self.sequence, self.address, self.code, self.fields, self.body, self.give_up = values
        self.status, self.text, self.parts, self.reply = None, "", None, None


class Producer(_Peer):
    """Publishes. `batch` messages leave as one frame; one refused with 507 is sent again for `retry` seconds."""

    def __init__(self, endpoint="tcp://127.0.0.1:5555", name="", batch=100, retry=0.0, heartbeat=1.0):
        self.batch, self.retry, self._hold = batch, retry, 0.0
        super().__init__(endpoint, name, heartbeat)

    def publish(self, address, body=b"", reply=False, **fields):
        """Queues a message and returns its Publication; waits only while 4,000 are queued. `fields` are names of FIELDS:
        topic, key, type, priority, headers={name: value} ..."""
        self._last += 1
        one = Publication(self._last, octets_of(address), int(reply), encode_fields(fields) if fields else b"", octets_of(body),
                          monotonic() + self.retry)
        self.unconfirmed[one.sequence] = one
        if one.code:
            self.requests[one.sequence] = one
        self._out.append(one)
        if len(self._out) % self.batch == 0:
            self.poll()
            self._until(lambda: len(self._out) < 4000, None)
        return one

    def wait(self, publication, timeout=None):
        """Waits for the answer and, if one was asked for, the reply; False if `timeout` seconds were not enough."""
        return self._until(lambda: publication.done, timeout)

    def request(self, address, body=b"", timeout=30.0, **fields):
        """Publishes and returns the body of the (last) reply. Raises Refused; 504 when none came in time."""
        one = self.publish(address, body, True, **fields)
        self.wait(one, timeout)
        self.requests.pop(one.sequence, None)
        if one.reply == 200:
            return one.parts[-1]
        raise Refused(one.reply or (504 if one.status is None or one.ok else one.status), one.text or "no reply in time")

    def _on_welcome(self):
        waiting = {**self.requests, **self.unconfirmed}
        self._out, self._octets, self._hold = collections.deque(waiting[sequence] for sequence in sorted(waiting)), 0, 0.0
        self._window, self._octets_max = self.welcome["through"], self.welcome.get("bytes", FOREVER)

    def _send_due(self, now):
        self._due, out, frame_max = self._hold if self._hold > now else FOREVER, self._out, self.welcome["frame_max"]
        records_max = min(self.batch, self.welcome["records_max"])
        while out and now >= self._hold and not self.draining:
            address, batch, octets = out[0].address, [], 0
            while out and len(batch) < records_max and out[0].address == address and self._octets < self._octets_max:
                one, size = out[0], 32 + len(address) + len(out[0].fields) + len(out[0].body)
                if one.sequence > self._window or batch and octets + size > min(frame_max, 1 << 20):
                    break
                out.popleft()
                if size > frame_max or len(one.fields) > 60000:
                    self._answer(one, 413, f"the broker takes {frame_max} octets, and 60,000 of fields")
                    continue
                octets, self._octets = octets + size, self._octets + len(one.body)
                batch.append((one.code, one.sequence, one.fields, one.body))
            if not batch:
                break
            self._send(PUBLISH, address, 0, batch)

    def _on_frame(self, verb, name, number, records):
        if verb == REPLY and number in self.requests:
            (status, index, fields, body), one = records[0], self.requests[number]
            one.parts = (one.parts or [])[:index] + [body] * (status < 300)  # index 0 again: another attempt, its parts are void
            if status != 206:
                one.reply, one.text = status, decode_fields(fields).get("text", "")
                del self.requests[number]
        for status, first, fields, _ in reversed(records) if verb == CONFIRM else ():
            fields = decode_fields(fields) if fields else {}
            self._octets_max = max(self._octets_max, fields.get("bytes", 0))
            for sequence in range(fields.get("through", first), first - 1, -1):  # backwards, for what goes back to the front
                if sequence in self.unconfirmed:
                    self._answer(self.unconfirmed[sequence], status, fields.get("text", ""), fields.get("retry_after_ms", 100))
        self._window = max(self._window, number if verb == CONFIRM else 0)

    def _answer(self, one, status, text, wait_ms=0):
        if status in (429, 503) or status >= 500 and monotonic() < one.give_up:
            self._hold = monotonic() + wait_ms / 1000 if status != 503 else FOREVER  # 503: until the next WELCOME
            return self._out.appendleft(one)
        one.status, one.text = status, text
        del self.unconfirmed[one.sequence]
        if not one.ok:
            self.requests.pop(one.sequence, None)


class Delivery:
    """A message under lease. Settle it once: ack(reply), nack(text=), reject(text=), throttle(retry_after_ms=) or release();
    before that extend() and part(body) at will. They return False when the lease has ended (`lost` has the status)."""
    __slots__ = ("worker", "queue", "tag", "attempt", "_fields", "body", "lease", "deadline", "lost")
    ack, nack, reject, throttle, release, extend, part = (
        lambda self, body=b"", _code=code, **fields: self.worker._settle(self, _code, octets_of(body), encode_fields(fields))
        for code in range(7))

    def __init__(self, *values):
        self.worker, self.queue, self.tag, self.attempt, self._fields, self.body, self.lease, self.deadline, self.lost = values

    @property
    def fields(self):
        """A dict of fence, first_accepted_ms, topic, key, type, headers ... as FIELDS names them."""
        return decode_fields(self._fields)


class Worker(_Peer):
    """Takes messages of `queues`, `credit` unsettled at a time. `on_lost(delivery, status)` hears of leases that ended (409, 504)
    and of settlements that were not applied (others; the delivery is held again)."""

    def __init__(self, endpoint="tcp://127.0.0.1:5555", queues=(), credit=100, name="", on_lost=None, heartbeat=1.0):
        self.credit, self.on_lost, self.held = credit, on_lost or (lambda delivery, status: None), {}
        self._buffer, self._granted, self._polled = collections.deque(), credit, 0.0
        super().__init__(endpoint, name, heartbeat, credit, queues)

    def receive(self, timeout=None):
        """The next Delivery, or None after `timeout` seconds. What is settled leaves from here, at most 5 ms later."""
        if monotonic() - self._polled > 0.005 or 4 * len(self._out) > self.credit:
            self.poll()
        while self._until(lambda: self._buffer, timeout):
            one = self._buffer.popleft()
            if one.lost is None:
                return one

    def __iter__(self):
        return iter(self.receive, None)

    def _settle(self, one, code, body, fields):
        if len(fields) > 60000 or 32 + len(fields) + len(body) > self.welcome["frame_max"]:
            raise Refused(413, f"the broker takes {self.welcome['frame_max']} octets, and 60,000 of fields")
        if self.held.get(one.tag) is not one:
            return False
        self._out.append([code, one.tag, one.tag, fields, body])
        if code == EXTEND:
            one.deadline = monotonic() + one.lease
        elif code != PART:
            self.unconfirmed[one.tag] = self.held.pop(one.tag), tuple(self._out[-1])
        return True

    def _on_welcome(self):
        last, self._granted, held = self.welcome["last_tag"], 0, self.held
        if last < self._last:  # the broker has forgotten the session: all that we hold is somebody else's
            self.held, self.unconfirmed = {}, {}
            for one in held.values():
                self._lose(one, 409)
        # What was settled may have been lost on the way. If it was not, the answer is a LOST 409 that says nothing.
        self.unconfirmed = {tag: (None, settlement) for tag, (_, settlement) in self.unconfirmed.items()}
        self._out = collections.deque(list(settlement) for _, settlement in self.unconfirmed.values())
        if last > self._last:  # these were lost on their way to us
            self._out.append([RELEASE, self._last + 1, last, b"", b""])
        self._last = last

    def _lose(self, one, status):
        one.lost = status if status in (409, 504) else None
        if one.lost is None:
            self.held[one.tag] = one
        self.on_lost(one, status)

    def _send_due(self, now):
        self._polled = now
        if now >= self._due:
            for one in self._buffer:
                if now >= one.deadline - one.lease / 2:
                    one.extend()
            self._due = min((one.deadline - one.lease / 2 for one in self._buffer), default=FOREVER)
        credit, out, octets_max = self._last + self.credit - len(self.held), self._out, self.welcome["frame_max"]
        while out:
            runs, octets, told = [], 0, out[0][0] < EXTEND  # being told of an extension would look like being told of the ack
            while out and (out[0][0] < EXTEND) == told and octets + len(out[0][4]) < octets_max and len(runs) < self.welcome["records_max"]:
                run = out.popleft()
                octets += 64 + len(run[3]) + len(run[4])
                if runs and runs[-1][0] == run[0] and runs[-1][2] + 1 == run[1] and not any(runs[-1][3:] + run[3:]):
                    runs[-1][2] = run[2]
                else:
                    runs.append(run)
            records = [(code, first, fields if first == last else encode_fields({"through": last}), body)
                       for code, first, last, fields, body in runs]
            self._send(SETTLE, b"", credit, records, TELL_DURABLE * told)
            self._granted = credit
        if 4 * (credit - self._granted) >= self.credit:
            self._granted = credit
            self._send(CREDIT, b"", credit)

    def _on_frame(self, verb, name, number, records):
        if verb == DELIVER:
            queue, lease, now = name.decode(), number / 1000, self._heard
            for attempt, tag, fields, body in records:
                one = self.held[tag] = Delivery(self, queue, tag, attempt, fields, body, lease, now + lease, None)
                self._buffer.append(one)
            self._last, self._due = records[-1][1], min(self._due, now + lease / 2)
        for code, first, fields, _ in records if verb in (CONFIRM, LOST) else ():
            for tag in range(first, decode_fields(fields).get("through", first) + 1):
                one, _ = self.unconfirmed.pop(tag, (None, None))
                one = self.held.pop(tag, one)
                if verb == LOST and one is not None:
                    self._lose(one, code)
