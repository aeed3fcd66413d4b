"""Yardmaster client in one file: copy it beside your program. Needs Python 3.9 and pyzmq, nothing else.

One thread owns a client; nothing runs in the background. What is queued leaves as one batch with the next poll(), which every call
that waits makes, and a busy program makes about once a second. A lost connection or a broker that starts again needs no care: the
session is resumed, what has no answer is sent again, and what was taken before is recognised."""
import os
import struct
from collections import deque
from time import monotonic
import zmq

HELLO, PUBLISH, SETTLE, CREDIT, HEARTBEAT, DRAIN, BYE = range(1, 8)
WELCOME, CONFIRM, DELIVER, LOST, REPLY, ERROR = range(17, 23)
ACK, NACK, REJECT, THROTTLED, RELEASE, EXTEND, PART = range(7)
BODY_IN_SECOND_FRAME, TELL_DURABLE, FOREVER = 1, 2, float("inf")
_ACKED = ACK, b"", b""
_low = "session* versions* queue heartbeat_ms# bytes# through# priority# ttl_ms# not_before_ms# key message_id retry_after_ms# parts*"
_high = ("text topic type timestamp_ms# reply_to correlation* content_type encoding traceparent tracestate fence# first_accepted_ms# "
         "headers* boot# epoch# broker_time_ms# frame_max# records_max# last_tag# endpoint")
_by_tag = {tag: (name.rstrip("*#"), name[-1]) for tag, name in [*enumerate(_low.split(), 1), *enumerate(_high.split(), 0x80)]}
FIELDS = {name: (tag, kind) for tag, (name, kind) in _by_tag.items()}  # kinds: `#` a number, `*` octets, else text
_head, _record, _field, _number = (struct.Struct(">" + layout) for layout in ("4sBBHQ", "IHHQ", "BH", "Q"))

class Refused(Exception):
    """The broker's no: (status, text). The status says what to do: 4xx do not send again as it is, 429 and 5xx later."""
    status, text = property(lambda self: self.args[0]), property(lambda self: self.args[1])

def octets_of(value):
    return value.encode() if isinstance(value, str) else value

def encode_fields(fields):
    """Octets of a dict of text, numbers or octets; a list repeats the field; `headers` is a dict of user properties."""
    out = b""
    for name, value in fields.items():
        tag, kind = FIELDS[name]
        if name == "headers":
            value = [bytes([len(octets_of(key))]) + octets_of(key) + octets_of(text) for key, text in value.items()]
        for one in value if isinstance(value, list) else [value]:
            octets = _number.pack(one) if kind == "#" else octets_of(one)
            out += _field.pack(tag, len(octets)) + octets
    return out

def decode_fields(octets):
    """The dict of what encode_fields() made; of a repeated field the last counts. Unknown tags stay numbers. Raises Refused."""
    fields, at = {}, 0
    while at < len(octets):
        tag, length = _field.unpack(octets[at:at + 3].ljust(3, b"\xff"))  # what is cut seems too long
        (name, kind), value, at = _by_tag.get(tag, (tag, "*")), octets[at + 3:at + 3 + length], at + 3 + length
        if at > len(octets) or name == tag < 128 or kind == "#" and length != 8 or name == "headers" and not 0 < [*value, 0][0] < length:
            raise Refused(400, f"field {name}")
        if name == "headers":
            fields.setdefault(name, {})[str(value[1:1 + value[0]], "utf-8", "replace")] = value[1 + value[0]:]
        else:
            fields[name] = _number.unpack(value)[0] if kind == "#" else value if kind == "*" else str(value, "utf-8", "replace")
    return fields

def encode_frame(verb, name=b"", number=0, records=(), flags=0):
    """One frame; `records` are (code, id, encoded fields, body)."""
    out = [_head.pack(b"YMP1", verb, flags, len(name), number), name]
    for code, ident, fields, body in records:
        body_at = 16 + len(fields)
        out += (_record.pack(body_at + len(body), body_at, code, ident), fields, body)
    return b"".join(out)

def decode_frame(octets):
    """(verb, name, number, records, flags) as encode_frame() takes them. What is not YMP/1 raises Refused."""
    if octets[:4] != b"YMP1" or len(octets) < 16:
        raise Refused(426 if octets[:3] == b"YMP" and octets[3:4].isdigit() and octets[3:4] != b"1" else 400, "magic")
    _, verb, flags, length, number = _head.unpack_from(octets)
    name, at, records = octets[16:16 + length], 16 + length, []
    if at > len(octets) or length > 255 or not (HELLO <= verb <= BYE or WELCOME <= verb <= ERROR):
        raise Refused(400, "head")
    end = len(octets)
    while at < end:
        length, body_at, code, ident = _record.unpack_from(octets, at) if end - at >= 16 else (0, 0, 0, 0)
        if not 16 <= body_at <= length <= end - at:
            raise Refused(400, f"record at {at}")
        records.append((code, ident, octets[at + 16:at + body_at], octets[at + body_at:at + length]))
        at += length
    return verb, name, number, records, flags

class Publication:
    """A message on its way. `status`: None until the broker has answered, 2xx = taken. `reply`: None, then 200 (the last of
    `parts` is there), 410 (dead letter) or 504 (none in time). `done`: nothing more will come."""
    status, text, parts, reply = None, "", (), None
    ok = property(lambda self: self.status is not None and self.status < 300)
    done = property(lambda self: self.status is not None and (not self.ok or self.reply is not None or not self.wants_reply))

    def __init__(self, sequence, wants_reply, name, record, give_up):
        self.sequence, self.wants_reply, self.name, self.record, self.give_up = sequence, wants_reply, name, record, give_up

class Delivery:
    """A message under lease. Settle it once, by ack(reply), nack(text=), reject(text=), throttle(retry_after_ms=) or release();
    before that extend() and part(body) at will. False: the lease has ended (see `lost`), or these two find no connection."""
    lost, settled_at = None, FOREVER
    fields = property(lambda self: decode_fields(self.encoded), doc="fence, first_accepted_ms, topic, headers ... as in FIELDS")
    ack, nack, reject, throttle, release, extend, part = (
        lambda self, body=b"", _code=code, **fields: self.worker._settle(self, _code, body, fields) for code in range(7))

    def __init__(self, worker, queue, tag, attempt, encoded, body, lease, deadline):
        self.worker, self.queue, self.tag, self.attempt = worker, queue, tag, attempt
        self.encoded, self.body, self.lease, self.deadline = encoded, body, lease, deadline

class Client:
    """A session with the broker: publishes, and takes messages of `queues`, `credit` at a time. What is refused with 507 is sent again
    for `retry` seconds. `on_lost(delivery, status)`: its lease ended (409, 504), or the settlement was not applied: it is held."""
    connected, draining, leaving, _socket, _sequence, _tag, _highest = False, False, False, None, 0, 0, 0
    _hold, _polled, _extend_at = 0.0, 0.0, FOREVER  # until when, since when, when next: see monotonic()
    __enter__, __exit__, __iter__ = (lambda self: self), (lambda self, *_: self.close()), (lambda self: iter(self.receive, None))

    def __init__(self, endpoint="tcp://127.0.0.1:5555", queues=(), credit=100, name="", on_lost=None, heartbeat=1.0, retry=0.0):
        self.endpoint, self.queues, self.credit, self.retry = endpoint, list(queues), credit if queues else 0, retry
        self.name, self.on_lost = octets_of(name or f"python-{os.getpid()}"), on_lost or (lambda delivery, status: None)
        self.session, self.welcome, self.heartbeat, self._patience = os.urandom(16), {}, heartbeat, heartbeat
        self.unanswered, self.held, self.unsettled = {}, {}, {}  # by sequence, tag, tag; the last: not known to be applied
        self._publishing, self._settling, self._buffer = deque(), deque(), deque()  # Publications, settled Deliveries, others
        self._open(self.credit)

    def publish(self, address, body=b"", reply=False, **fields):
        """Queues a message and returns its Publication; waits only for the first WELCOME, and while 4,000 are queued. `fields`
        are names of FIELDS: topic, key, type, priority, headers={name: value} ... Raises Refused(413) for what is too large."""
        return self.publish_many(address, (body,), reply, **fields)[0]

    def publish_many(self, address, bodies, reply=False, **fields):
        """The same for each of `bodies`, with the same fields; a list of Publications. Much quicker than one by one."""
        address, encoded, bodies = octets_of(address), encode_fields(fields) if fields else b"", [*map(octets_of, bodies)]
        self._check(address, encoded, max(map(len, bodies), default=0))
        give_up, first, many, code = monotonic() + self.retry, self._sequence + 1, [], int(reply)
        for sequence, body in enumerate(bodies, first):
            many.append(Publication(sequence, reply, address, (code, sequence, encoded, body), give_up))
        self._sequence += len(many)
        self.unanswered.update(zip(range(first, first + len(many)), many))
        self._publishing.extend(many)
        if self._sequence // 100 > (first - 1) // 100:
            self.poll()
            self.until(lambda: len(self._publishing) < 4000)
        return many

    def request(self, address, body=b"", timeout=30.0, **fields):
        """Publishes and returns the body of the (last) reply. Raises Refused; 504 when none came in time."""
        one = self.publish(address, body, True, **fields)
        if self.wait(one, timeout) and one.reply == 200:
            return one.parts[-1]
        self.unanswered.pop(one.sequence, None)
        raise Refused(one.reply or (one.status if one.done else 504), one.text or "no reply in time")

    def receive(self, timeout=None):
        """The next Delivery, or None after `timeout` seconds. What is settled leaves from here, at most 5 ms later."""
        if monotonic() - self._polled > 0.005 or 4 * len(self._settling) > self.credit:
            self.poll()
        return self._buffer.popleft() if self._buffer or self.until(lambda: self._buffer, timeout) else None

    def receive_many(self, count=100, timeout=None):
        """The next Deliveries: a list of as many as are here, `count` at most; empty if none came within `timeout` seconds."""
        many = [self.receive(timeout)]
        while self._buffer and len(many) < count:
            many.append(self._buffer.popleft())
        return many if many[0] else []

    def ack_many(self, deliveries):
        """Acks all of them, without replies; how many were still held. Much quicker than one by one."""
        now, before = monotonic(), len(self.unsettled)
        for one in deliveries:
            if self.held.get(one.tag) is one:
                self.unsettled[one.tag] = self.held.pop(one.tag)
                one.settled_at, one.how = now, _ACKED
                self._settling.append(one)
        return len(self.unsettled) - before

    def poll(self, timeout=0.0):
        """Reads what has come and sends what is due. If nothing had come it waits up to `timeout` seconds until something does."""
        came = self._read()
        self._polled = now = monotonic()
        if now - self._heard >= self._patience:
            self._patience = self.heartbeat if self.connected else min(10 * self.heartbeat, 2 * self._patience)
            self._open()
        elif self.connected and not self.leaving:
            self._send_due(now)
        if not came and timeout > 0 and self._socket.poll(1000 * min(timeout, self.heartbeat / 4)):
            self._read()

    def _read(self):
        came = False
        while self._socket.events & zmq.POLLIN:
            self._take(self._socket.recv_multipart())
            came = True
        return came

    def until(self, condition, timeout=None):  # polls until condition(); false if `timeout` seconds were not enough
        deadline = FOREVER if timeout is None else monotonic() + timeout
        while not condition() and monotonic() < deadline:
            self.poll(max(0.0, deadline - monotonic()))
        return condition()

    def wait(self, publication, timeout=None):  # for the answer and, if one was asked for, the reply; false as until()
        return self.until(lambda: publication.done, timeout)

    def flush(self, timeout=None):
        """Waits until all that was published or settled has its answer; false if `timeout` seconds were not enough."""
        return self.until(lambda: not self.unanswered and not self.unsettled, timeout)

    def close(self, timeout=5.0):
        """Flushes, and leaves. Only the broker's BYE proves that it has read all; what is still held is released."""
        self.flush(timeout)
        if self.connected:
            self.leaving = not self._send(BYE)  # nothing may stand behind it
            self.until(lambda: not self.connected, 2.0)
        self._socket.close(0)

    def _open(self, credit=0):
        if self._socket is not None:  # libzmq's own reconnection would send what is left in its queue before our HELLO
            self._socket.close(0)
        self._socket, self.connected, self._heard = zmq.Context.instance().socket(zmq.DEALER), False, monotonic()
        self._socket.linger, self._socket.sndhwm = 0, 0  # windows and credit bound what is queued
        self._socket.connect(self.endpoint)
        me = dict(session=self.session, versions=b"\1", queue=self.queues, heartbeat_ms=int(1e3 * self.heartbeat), through=self._highest)
        self._send(HELLO, self.name, credit, [(0, min([*self.unanswered, self._sequence + 1]), encode_fields(me), b"")])

    def _send(self, *frame):
        self._socket.send(encode_frame(*frame), zmq.DONTWAIT)
        self._sent = monotonic()

    def _check(self, name, fields, body_octets):
        self.welcome or self.until(lambda: self.welcome)  # it tells how large a message may be
        if len(fields) > 60000 or 32 + len(name) + len(fields) + body_octets > self.welcome["frame_max"]:
            raise Refused(413, f"the broker takes {self.welcome['frame_max']} octets, and 60,000 of fields")

    def _settle(self, one, code, body, fields):
        how = code, encode_fields(fields) if fields else b"", octets_of(body)
        self._check(b"", how[1], len(how[2]))
        at_once = code in (EXTEND, PART)  # to be told that one of these is durable would look like to be told of the ack
        if self.held.get(one.tag) is not one or at_once and not self.connected:
            return False
        if at_once:
            self._send(SETTLE, b"", 0, [(code, one.tag, *how[1:])])
            one.deadline = monotonic() + one.lease if code == EXTEND else one.deadline
        else:
            self._settling.append(one)
            self.unsettled[one.tag], one.how, one.settled_at = self.held.pop(one.tag), how, monotonic()
        return True

    def _send_due(self, now):
        if now >= self._extend_at:
            for one in self._buffer:
                if now >= one.deadline - one.lease / 2:
                    one.extend()
            self._extend_at = min((one.deadline - one.lease / 2 for one in self._buffer), default=FOREVER)
        credit = self._tag + self.credit - len(self.held)
        if self._settling or credit - self._granted > self.credit / 5:
            self._granted = credit
            self._send_settling(credit) if self._settling else self._send(CREDIT, b"", credit)
        if now >= self._hold and not self.draining:
            self._send_publishing()
        if now - self._sent >= self.heartbeat:
            self._send(HEARTBEAT)

    def _send_publishing(self):
        octets_max, records_max, queue = min(self.welcome["frame_max"], 1 << 20) - 300, self.welcome["records_max"], self._publishing
        records = True
        while queue and records:
            name, records, octets = queue[0].name, [], 0
            while queue and len(records) < records_max:
                one = queue[0]
                _, sequence, fields, body = one.record
                octets += 16 + len(fields) + len(body)
                if (sequence > self._window or self._octets >= self._octets_max or one.name != name or records and octets > octets_max
                        or self._refused and sequence not in self._refused):
                    break
                records.append(queue.popleft().record)
                self._octets += len(body)
            if records:
                self._send(PUBLISH, name, 0, records)
                self._highest = max(self._highest, records[-1][1])

    def _send_settling(self, credit):
        octets_max, records_max, queue = min(self.welcome["frame_max"], 1 << 20) - 300, self.welcome["records_max"], self._settling
        while queue:
            records, octets = [], 0
            while queue and len(records) < records_max:
                first = last = queue[0].tag
                code, fields, body = how = queue[0].how
                octets += 27 + len(fields) + len(body)
                if records and octets > octets_max:
                    break
                queue.popleft()
                while not body and not fields and queue and queue[0].tag == last + 1 and queue[0].how == how:  # a range is one record
                    last = queue.popleft().tag
                records.append((code, first, encode_fields({"through": last}) if last > first else fields, body))
            self._send(SETTLE, b"", credit, records, TELL_DURABLE)

    def _take(self, parts):
        self._heard = monotonic()
        verb, name, number, records, flags = decode_frame(parts[0])
        if flags & BODY_IN_SECOND_FRAME and records and len(parts) > 1:
            records[-1] = records[-1][:3] + (parts[1],)
        status = records[0][0] if verb == ERROR and records else 0
        if verb == WELCOME and not self.connected:
            self._take_welcome(decode_fields(records[0][2]))
        elif verb == BYE or status == 428 and self.leaving:
            self.connected, self._patience = False, 0.2
        elif status == 428 and self.connected:
            self._open()  # libzmq has reconnected by itself, and the broker does not know the new connection
        elif status and status not in (428, 503, 507):
            raise Refused(status, f"{name.decode()}: {decode_fields(records[0][2]).get('text', '')}")
        elif verb == HEARTBEAT and number:
            self._beat(number)  # the broker has many peers, or fewer than it had
        elif self.connected:
            self._take_records(verb, name.decode(), number, records)

    def _beat(self, ms):
        self.heartbeat, self._patience = ms / 1000, ms / 100

    def _take_welcome(self, told):
        self.welcome, self.connected, self.draining, self._hold, self._granted, self._since = told, True, False, 0.0, 0, monotonic()
        self._beat(told["heartbeat_ms"])
        self._window, self._octets, self._octets_max = told["through"], 0, told.get("bytes", FOREVER)
        if told["last_tag"] < self._tag:  # the broker has forgotten the session: all that we hold is somebody else's
            self.unsettled = {}
            for tag in [*self.held]:
                self._lose(tag, 409)
        elif told["last_tag"] > self._tag:  # these were lost on their way to us
            self._send(SETTLE, b"", 0, [(RELEASE, self._tag + 1, encode_fields({"through": told["last_tag"]}), b"")])
        self._tag = told["last_tag"]
        self._publishing, self._refused = deque(self.unanswered.values()), set()
        self._settling = deque(self.unsettled.values())  # see _lose()

    def _take_records(self, verb, name, number, records):
        self.draining = self.draining or verb == DRAIN
        self._window = max(self._window, number if verb == CONFIRM else 0)
        if verb == DELIVER and records:
            lease, deadline = number / 1000, self._heard + number / 1000
            many = [Delivery(self, name, tag, attempt, fields, body, lease, deadline) for attempt, tag, fields, body in records]
            self.held.update((one.tag, one) for one in many)
            self._buffer.extend(many)
            self._tag, self._extend_at = many[-1].tag, min(self._extend_at, deadline - lease / 2)
        for code, first, fields, body in reversed(records) if verb in (CONFIRM, LOST, REPLY) else ():  # see appendleft()
            fields = decode_fields(fields)
            self._octets_max = max(self._octets_max, fields.get("bytes", 0) if verb == CONFIRM else 0)
            idents = (number,) if verb == REPLY else range(fields.get("through", first), first - 1, -1)
            if verb == LOST:
                for ident in idents:
                    self._lose(ident, code)
            elif code == 1000:
                for ident in idents:
                    self.unsettled.pop(ident, None)
            else:
                taken = verb == CONFIRM and code < 300 and not self._refused and "text" not in fields
                for one in filter(None, map(self.unanswered.get, idents)):
                    if taken and not one.wants_reply:  # as _answer() would do; this is what a busy producer's time goes into
                        one.status = code
                        del self.unanswered[one.sequence]
                    else:
                        self._answer(one, verb, code, first, fields, body)

    def _answer(self, one, verb, status, index, fields, body):
        if verb == REPLY:
            one.parts = [*one.parts[:index], body] if status < 300 else []  # index 0 again: a new attempt, its parts are void
            one.reply, one.text = (status, fields.get("text", "")) if status != 206 else (None, "")
        elif status in (429, 503) or status >= 500 and monotonic() < one.give_up:
            self._hold = monotonic() + fields.get("retry_after_ms", 100) / 1000
            self._publishing.appendleft(one)
            self._refused.add(one.sequence)  # nothing new may overtake it: it would become too old
        else:
            one.status, one.text = status, fields.get("text", "")
            self._refused.discard(one.sequence)
        if one.done:
            del self.unanswered[one.sequence]

    def _lose(self, tag, status):
        one = self.held.pop(tag, None) or self.unsettled.pop(tag, None)
        if one and (status != 409 or one.settled_at > self._since):  # else it is settled for the second time: that means nothing
            if status in (409, 504):
                one.lost, self._buffer = status, deque(other for other in self._buffer if other is not one)
            else:
                self.held[tag] = one
            self.on_lost(one, status)

Producer = Worker = Client  # one session may be both
