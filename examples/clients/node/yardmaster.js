// Yardmaster client in one file: copy it beside your program. Needs Node 18 and zeromq 6 (`npm install zeromq`), nothing else.
//
// What is queued during one turn of the event loop leaves as one batch behind it; heartbeats, and leases of what waits here, are
// cared for by a timer. A lost connection or a broker that starts again needs no care: the session is resumed, what has no
// answer is sent again, and what was taken before is recognised. All times are milliseconds. ../../hello/*.js are first examples.
"use strict";

const { randomBytes } = require("node:crypto");
const { performance } = require("node:perf_hooks");
const zmq = require("zeromq");

const verbs = {
  HELLO: 1, PUBLISH: 2, SETTLE: 3, CREDIT: 4, HEARTBEAT: 5, DRAIN: 6, BYE: 7,
  WELCOME: 17, CONFIRM: 18, DELIVER: 19, LOST: 20, REPLY: 21, ERROR: 22,
};
const codes = { ack: 0, nack: 1, reject: 2, throttle: 3, release: 4, extend: 5, part: 6 };
const knownVerbs = new Set(Object.values(verbs));
const bodyInSecondFrame = 1, tellDurable = 2, noOctets = Buffer.alloc(0);
const now = () => performance.now();

// ---- Octets ------------------------------------------------------------------------------------------------------

// Names of fields, from tag 1 and from tag 0x80 on; `#` marks a number, `*` octets, all others are text.
const fieldsByTag = new Map();
const fieldsByName = new Map();
const names = [
  [0x01, "session* versions* queue heartbeat_ms# bytes# through# priority# ttl_ms# not_before_ms# key message_id retry_after_ms# parts*"],
  [0x80, "text topic type timestamp_ms# reply_to correlation* content_type encoding traceparent tracestate fence# first_accepted_ms# " +
    "headers* boot# epoch# broker_time_ms# frame_max# records_max# last_tag# endpoint"],
];
for (const [first, words] of names) {
  words.split(" ").forEach((word, i) => {
    const field = { tag: first + i, name: word.replace(/[#*]/, ""), kind: word.at(-1) };
    fieldsByTag.set(field.tag, field);
    fieldsByName.set(field.name, field);
  });
}

/** The broker's no. The status says what to do: 4xx do not send again as it is, 429 and 5xx later. */
class Refused extends Error {
  constructor(status, text) {
    super(`${status} ${text}`);
    this.status = status;
    this.text = text;
  }
}

const octetsOf = (value) => (typeof value === "string" ? Buffer.from(value) : value);

function writeNumber(octets, value, at) {
  if (typeof value === "bigint") return octets.writeBigUInt64BE(value, at);
  octets.writeUInt32BE(Math.floor(value / 2 ** 32), at);
  return octets.writeUInt32BE(value % 2 ** 32, at + 4);
}

function octetsOfNumber(value) {
  const octets = Buffer.alloc(8);
  writeNumber(octets, value, 0);
  return octets;
}

/** A u64 as a number, or as a BigInt where a number would not be exact. */
function numberAt(octets, at) {
  const high = octets.readUInt32BE(at);
  return high < 2 ** 21 ? high * 2 ** 32 + octets.readUInt32BE(at + 4) : octets.readBigUInt64BE(at);
}

/** Octets of an object of text, numbers or octets; a list repeats the field; `headers` is an object of user properties. */
function encodeFields(fields) {
  const out = [];
  for (const [name, value] of Object.entries(fields)) {
    const { tag, kind } = fieldsByName.get(name) ?? fail(`there is no field ${name}`);
    let values = Array.isArray(value) ? value : [value];
    if (name === "headers") {
      values = Object.entries(value).map(([key, text]) => Buffer.concat([Buffer.from([Buffer.byteLength(key)]), Buffer.from(key), octetsOf(text)]));
    }
    for (const one of values) {
      const octets = kind === "#" ? octetsOfNumber(one) : octetsOf(one);
      out.push(Buffer.from([tag, octets.length >> 8, octets.length & 255]), octets);
    }
  }
  return out.length ? Buffer.concat(out) : noOctets;
}

function fail(text) {
  throw new TypeError(text);
}

/** The object of what encodeFields() made; of a repeated field the last counts. Unknown tags stay numbers. Throws Refused. */
function decodeFields(octets) {
  const fields = {};
  for (let at = 0; at < octets.length;) {
    const length = octets.length - at >= 3 ? octets.readUInt16BE(at + 1) : Infinity;
    const { name, kind } = fieldsByTag.get(octets[at]) ?? { name: octets[at], kind: "*" };
    const value = octets.subarray(at + 3, at + 3 + length);
    at += 3 + length;
    if (at > octets.length || (kind === "#" && length !== 8) || name < 0x80 || (name === "headers" && !(value[0] > 0 && value[0] < length))) {
      throw new Refused(400, `field ${name}`);
    }
    if (name === "headers") {
      (fields.headers ??= {})[value.toString("utf8", 1, 1 + value[0])] = value.subarray(1 + value[0]);
    } else {
      fields[name] = kind === "#" ? numberAt(value, 0) : kind === "*" ? value : value.toString();
    }
  }
  return fields;
}

/** One frame; `records` are { code, id, fields, body } with encoded fields. */
function encodeFrame(verb, name = "", number = 0, records = [], flags = 0) {
  const nameOctets = octetsOf(name);
  const size = records.reduce((sum, { fields, body }) => sum + 16 + fields.length + body.length, 16 + nameOctets.length);
  const out = Buffer.allocUnsafe(size);
  out.write("YMP1", 0, "latin1");
  out.writeUInt8(verb, 4);
  out.writeUInt8(flags, 5);
  out.writeUInt16BE(nameOctets.length, 6);
  writeNumber(out, number, 8);
  out.set(nameOctets, 16);
  let at = 16 + nameOctets.length;
  for (const { code, id, fields, body } of records) {
    const bodyAt = 16 + fields.length;
    out.writeUInt32BE(bodyAt + body.length, at);
    out.writeUInt16BE(bodyAt, at + 4);
    out.writeUInt16BE(code, at + 6);
    writeNumber(out, id, at + 8);
    if (fields.length) out.set(fields, at + 16);
    if (body.length) out.set(body, at + bodyAt);
    at += bodyAt + body.length;
  }
  return out;
}

/** { verb, name, number, records, flags } as encodeFrame() takes them. What is not YMP/1 throws Refused. */
function decodeFrame(octets) {
  const magic = octets.toString("latin1", 0, 4);
  if (magic !== "YMP1" || octets.length < 16) throw new Refused(/^YMP[02-9]/.test(magic) ? 426 : 400, "magic");
  const verb = octets[4];
  const end = 16 + octets.readUInt16BE(6);
  if (end > octets.length || end > 16 + 255 || !knownVerbs.has(verb)) throw new Refused(400, "head");
  const records = [];
  for (let at = end; at < octets.length;) {
    const length = octets.length - at >= 16 ? octets.readUInt32BE(at) : 0;
    const bodyAt = length && octets.readUInt16BE(at + 4);
    if (bodyAt < 16 || bodyAt > length || length > octets.length - at) throw new Refused(400, `record at ${at}`);
    const fields = bodyAt > 16 ? octets.subarray(at + 16, at + bodyAt) : noOctets;
    const body = length > bodyAt ? octets.subarray(at + bodyAt, at + length) : noOctets;
    records.push({ code: octets.readUInt16BE(at + 6), id: numberAt(octets, at + 8), fields, body });
    at += length;
  }
  return { verb, name: octets.toString("utf8", 16, end), number: numberAt(octets, 8), records, flags: octets[5] };
}

// ---- What the application holds ----------------------------------------------------------------------------------

const noParts = Object.freeze([]);

/** A message on its way. `status`: null until the broker has answered, 2xx = taken. `reply`: null, then 200 (the last of `parts`
 * is there), 410 (dead letter) or 504 (none in time). `done`: nothing more will come. */
class Publication {
  constructor(record, address, wantsReply, giveUp) {
    this.record = record;
    this.address = address;
    this.wantsReply = wantsReply;
    this.giveUp = giveUp;
    this.status = this.reply = null;
    this.text = "";
    this.parts = noParts;
  }
  get sequence() { return this.record.id; }
  get ok() { return this.status !== null && this.status < 300; }
  get done() { return this.status !== null && (!this.ok || this.reply !== null || !this.wantsReply); }
}

/** A message under lease. Settle it once, by ack(reply), nack(text), reject(text), throttle(ms) or release(); before that extend() and
 * part(body) at will. They return false when the lease has ended, and extend() and part() without a connection. */
class Delivery {
  #client;
  #encoded;

  constructor(client, queue, lease, deadline, { id, code, fields, body }) {
    this.#client = client;
    this.#encoded = fields;
    this.queue = queue;
    this.lease = lease;
    this.tag = id;
    this.attempt = code;
    this.body = body;
    this.how = null; // { code, fields, body } of its settlement
    this.settledAt = Infinity;
    this.deadline = deadline;
  }
  /** fence, first_accepted_ms, topic, key, type, headers ... */
  get fields() { return decodeFields(this.#encoded); }
  ack(reply = "", fields = {}) { return this.#client._settle(this, codes.ack, reply, fields); }
  nack(text = "") { return this.#client._settle(this, codes.nack, "", { text }); }
  reject(text = "") { return this.#client._settle(this, codes.reject, "", { text }); }
  throttle(ms) { return this.#client._settle(this, codes.throttle, "", { retry_after_ms: ms }); }
  release() { return this.#client._settle(this, codes.release, "", {}); }
  extend() { return this.#client._settle(this, codes.extend, "", {}); }
  part(body) { return this.#client._settle(this, codes.part, body, {}); }
}

// ---- The session -------------------------------------------------------------------------------------------------

const plainAck = { code: codes.ack, fields: noOctets, body: noOctets };

/** A session with the broker: publishes, and takes messages of `queues`, `credit` at a time. What is refused with 507 is sent again for
 * `retry` ms. `onLost(delivery, status)`: its lease ended (409, 504), or the settlement was not applied: it is held again. */
class Client {
  constructor(endpoint = "tcp://127.0.0.1:5555", { queues = [], credit = 100, name = `node-${process.pid}`, heartbeat = 1000, retry = 0, onLost = () => {} } = {}) {
    Object.assign(this, { endpoint, queues, credit: queues.length ? credit : 0, name, heartbeat, retry, onLost });
    Object.assign(this, { session: randomBytes(16), welcome: null, connected: false, draining: false, fault: null });
    this.unanswered = new Map(); // sequence: Publication
    this.held = new Map(); // tag: Delivery
    this.unsettled = new Map(); // tag: Delivery that was settled, and is not known to be
    this._refused = new Set(); // sequences that were refused for now; nothing new may overtake them, or they become too old
    Object.assign(this, { _publishing: [], _settling: [], _buffer: [], _waiting: new Set(), _sequence: 0, _highest: 0, _tag: 0, _hold: 0, _extendAt: Infinity, _patience: heartbeat });
    this._open(this.credit);
  }

  /** Queues a message and returns its Publication. `fields`: topic, key, type, priority, headers ... Who publishes without an
   * end awaits room() now and then. */
  publish(address, body = "", { reply = false, ...fields } = {}) {
    return this._publish(address, body, reply, encodeFields(fields));
  }

  /** The same for each of `bodies`, with the same fields; an array of Publications. Quicker than one by one. */
  publishMany(address, bodies, { reply = false, ...fields } = {}) {
    const encoded = encodeFields(fields);
    return Array.from(bodies, (body) => this._publish(address, body, reply, encoded));
  }

  _publish(address, body, reply, fields) {
    this._sequence += 1;
    const record = { code: Number(reply), id: this._sequence, fields, body: octetsOf(body) };
    const one = new Publication(record, address, reply, now() + this.retry);
    this.unanswered.set(record.id, one);
    this._publishing.push(one);
    this._soon();
    return one;
  }

  /** Waits while 4,000 messages or more are queued. */
  room() { return this.until(() => this._publishing.length < 4000); }

  /** Waits for the answer and, if one was asked for, the reply; false if `timeout` was not enough. */
  wait(publication, timeout = Infinity) { return this.until(() => publication.done, timeout); }

  /** Publishes and returns the body of the (last) reply. Throws Refused; 504 when none came in time. */
  async request(address, body = "", { timeout = 30000, ...fields } = {}) {
    const one = this.publish(address, body, { ...fields, reply: true });
    if ((await this.wait(one, timeout)) && one.reply === 200) return one.parts.at(-1);
    this.unanswered.delete(one.sequence);
    throw new Refused(one.reply ?? (one.done ? one.status : 504), one.text || "no reply in time");
  }

  /** The next Delivery, or null after `timeout`. */
  async receive(timeout = Infinity) {
    const end = now() + timeout;
    while (await this.until(() => this._buffer.length > 0, end - now())) {
      const one = this._buffer.shift();
      if (one) return one; // else somebody else who waits has taken it
    }
    return null;
  }

  /** The next Deliveries: an array of as many as are here, `count` at most; empty if none came within `timeout`. */
  async receiveMany(count = 100, timeout = Infinity) {
    const first = await this.receive(timeout);
    return first ? [first, ...this._buffer.splice(0, count - 1)] : [];
  }

  /** Acks all of them, without replies; how many were still held. Quicker than one by one. */
  ackMany(deliveries) {
    const time = now(), before = this.unsettled.size;
    for (const one of deliveries) {
      if (this.held.get(one.tag) === one) this._settled(one, plainAck, time);
    }
    return this.unsettled.size - before;
  }

  async *[Symbol.asyncIterator]() {
    while (this._socket) yield await this.receive();
  }

  /** Waits until all that was published or settled has its answer; false if `timeout` was not enough. */
  flush(timeout = Infinity) { return this.until(() => !this.unanswered.size && !this.unsettled.size, timeout); }

  /** Flushes, and leaves. Only the broker's BYE proves that it has read all; what is still held is released. */
  async close(timeout = 5000) {
    try {
      await this.flush(timeout);
      if (this.connected) {
        this._leaving = true;
        this._send(verbs.BYE);
        await this.until(() => !this.connected, 2000);
      }
    } finally {
      clearInterval(this._timer);
      this._socket.close();
      this._socket = null;
    }
  }

  /** Resolves with true as soon as `condition()` holds, with false after `timeout`; throws what ended the session. */
  async until(condition, timeout = Infinity) {
    if (this.fault) throw this.fault;
    if (condition()) return true;
    return new Promise((resolve, reject) => {
      const waiting = { condition, resolve, reject };
      if (timeout < Infinity) waiting.timer = setTimeout(() => this._waiting.delete(waiting) && resolve(condition()), timeout);
      this._waiting.add(waiting);
    });
  }

  _wake() {
    for (const waiting of this._waiting) {
      if (!this.fault && !waiting.condition()) continue;
      this._waiting.delete(waiting);
      clearTimeout(waiting.timer);
      if (this.fault) waiting.reject(this.fault);
      else waiting.resolve(true);
    }
  }

  _open(credit = 0) {
    this._socket?.close(); // libzmq's own reconnection would send what is left in its queue before our HELLO
    const socket = (this._socket = new zmq.Dealer({ linger: 0, sendHighWaterMark: 0 })); // windows and credit bound what is queued
    Object.assign(this, { connected: false, _heard: now(), _frames: [] });
    socket.connect(this.endpoint);
    this._every(this.heartbeat / 4);
    this._read(socket);
    const fields = { session: this.session, versions: Buffer.from([1]), queue: this.queues, heartbeat_ms: this.heartbeat, through: this._highest };
    const id = Math.min(...this.unanswered.keys(), this._sequence + 1);
    this._send(verbs.HELLO, this.name, credit, [{ code: 0, id, fields: encodeFields(fields), body: noOctets }]);
  }

  _every(ms) {
    clearInterval(this._timer);
    this._timer = setInterval(() => setImmediate(() => this._tick()), ms); // after a turn for what has come while we were busy
  }

  async _read(socket) {
    try {
      for await (const parts of socket) {
        if (socket !== this._socket) return;
        this._take(parts);
        this._wake();
      }
    } catch (error) {
      if (socket !== this._socket) return; // it was closed while it was read
      this.fault = error;
      this._wake();
    }
  }

  _tick() {
    if (this.fault || !this._socket) return;
    if (now() - this._heard >= this._patience) {
      this._patience = this.connected ? this.heartbeat : Math.min(10 * this.heartbeat, 2 * this._patience);
      this._open();
    } else if (this.connected) {
      this._sendDue();
    }
  }

  /** What is queued until the end of this turn leaves together. */
  _soon() {
    if (this._scheduled) return;
    this._scheduled = true;
    setImmediate(() => {
      this._scheduled = false;
      if (this.connected && this._socket) this._sendDue();
    });
  }

  /** zeromq allows one send at a time, so that frames stand in line. */
  async _send(...frame) {
    const socket = this._socket, frames = this._frames;
    this._sent = now();
    if (frames.push(encodeFrame(...frame)) > 1) return;
    while (frames.length && socket === this._socket) {
      await socket.send(frames[0]).catch(() => {}); // it was closed meanwhile; what is unanswered is sent again on the next one
      frames.shift();
    }
  }

  _settle(one, code, body, fields) {
    const how = { code, fields: encodeFields(fields), body: octetsOf(body) };
    if (!this._fits("", how)) throw new Refused(413, `the broker takes ${this.welcome.frame_max} octets, and 60,000 of fields`);
    const atOnce = code === codes.extend || code === codes.part; // to be told that one of these is durable would look like to be told of the ack
    if (this.held.get(one.tag) !== one || (atOnce && !this.connected)) return false;
    if (atOnce) {
      this._send(verbs.SETTLE, "", 0, [{ ...how, id: one.tag }]);
      if (code === codes.extend) one.deadline = now() + one.lease;
    } else {
      this._settled(one, how, now());
    }
    return true;
  }

  _settled(one, how, time) {
    one.how = how;
    one.settledAt = time;
    this.held.delete(one.tag);
    this.unsettled.set(one.tag, one);
    // Who takes from the buffer without a pause would keep what it settles until the buffer is empty.
    if (this._settling.push(one) * 4 > this.credit && this.connected) this._sendDue();
    else this._soon();
  }

  _fits(address, { fields, body }) {
    return fields.length <= 60000 && 32 + Buffer.byteLength(address) + fields.length + body.length <= this.welcome.frame_max;
  }

  _sendDue() {
    if (this._leaving) return; // nothing may stand behind BYE
    const time = now();
    if (time >= this._extendAt) {
      this._extendAt = Infinity;
      for (const one of this._buffer) {
        if (time >= one.deadline - one.lease / 2) one.extend();
        this._extendAt = Math.min(this._extendAt, one.deadline - one.lease / 2);
      }
    }
    const credit = this._tag + this.credit - this.held.size;
    if (this._settling.length) {
      this._granted = credit;
      this._sendSettling(credit);
    } else if (credit - this._granted > this.credit / 5) {
      this._granted = credit;
      this._send(verbs.CREDIT, "", credit);
    }
    if (time >= this._hold && !this.draining) this._sendPublishing();
    if (time - this._sent >= this.heartbeat) this._send(verbs.HEARTBEAT);
  }

  /** Octets that the records of one frame may take. */
  get _octetsOfFrame() { return Math.min(this.welcome.frame_max, 1 << 20) - 300; }

  /** Sends what may go: neighbours of one address in one frame. */
  _sendPublishing() {
    const queue = this._publishing, octetsMax = this._octetsOfFrame, recordsMax = this.welcome.records_max;
    const inTurn = (one) => !this._refused.size || this._refused.has(one.record.id);
    const mayGo = (one) => one.record.id <= this._window && this._octets < this._octetsMax && inTurn(one);
    let at = 0;
    while (at < queue.length && mayGo(queue[at])) {
      const { address } = queue[at], records = [];
      for (let octets = 0; at < queue.length && records.length < recordsMax; at += 1) {
        const one = queue[at], { record } = one;
        octets += 16 + record.fields.length + record.body.length;
        if (one.address !== address || !mayGo(one) || (records.length && octets > octetsMax)) break;
        if (this._fits(address, record)) {
          records.push(record);
          this._octets += record.body.length;
          this._highest = Math.max(this._highest, record.id);
        } else {
          this._answer(one, 413, { text: `the broker takes ${this.welcome.frame_max} octets, and 60,000 of fields` });
        }
      }
      if (records.length) this._send(verbs.PUBLISH, address, 0, records);
    }
    queue.splice(0, at);
    this._wake();
  }

  /** Sends what was settled: neighbours that were settled alike in one record. */
  _sendSettling(credit) {
    const queue = this._settling, octetsMax = this._octetsOfFrame, recordsMax = this.welcome.records_max;
    for (let at = 0; at < queue.length;) {
      const records = [];
      for (let octets = 0; at < queue.length && records.length < recordsMax;) {
        const { tag: id, how: { code, fields, body } } = queue[at];
        octets += 27 + fields.length + body.length;
        if (records.length && octets > octetsMax) break;
        at += 1;
        let through = id;
        const alike = ({ tag, how }) => tag === through + 1 && how.code === code && !how.fields.length && !how.body.length;
        if (!fields.length && !body.length) for (; at < queue.length && alike(queue[at]); at += 1) through += 1;
        records.push({ code, id, fields: through > id ? encodeFields({ through }) : fields, body });
      }
      this._send(verbs.SETTLE, "", credit, records, tellDurable);
    }
    this._settling = [];
    this._wake();
  }

  _take(parts) {
    this._heard = now();
    const { verb, name, number, records, flags } = decodeFrame(parts[0]);
    if (flags & bodyInSecondFrame && records.length && parts.length > 1) records.at(-1).body = parts[1];
    const status = verb === verbs.ERROR && records.length ? records[0].code : 0;
    if (verb === verbs.WELCOME && !this.connected) {
      this._takeWelcome(decodeFields(records[0].fields));
    } else if (verb === verbs.BYE || (status === 428 && this._leaving)) {
      Object.assign(this, { connected: false, _patience: 200 });
    } else if (status === 428 && this.connected) {
      this._open(); // libzmq has reconnected by itself, and the broker does not know the new connection
    } else if (status && ![428, 503, 507].includes(status)) {
      this.fault = new Refused(status, `${name}: ${decodeFields(records[0].fields).text ?? ""}`);
      clearInterval(this._timer);
    } else if (verb === verbs.HEARTBEAT && number) {
      this._beat(Number(number)); // the broker has many peers, or fewer than it had
    } else if (this.connected) {
      this._takeRecords(verb, name, number, records);
      if (this._publishing.length || this._settling.length) this._soon();
    }
  }

  _beat(ms) {
    Object.assign(this, { heartbeat: ms, _patience: 10 * ms });
    this._every(ms / 4);
  }

  _takeWelcome(told) {
    Object.assign(this, { welcome: told, connected: true, draining: false, _hold: 0, _granted: 0, _since: now() });
    Object.assign(this, { _window: told.through, _octets: 0, _octetsMax: told.bytes ?? Infinity });
    this._beat(told.heartbeat_ms);
    if (told.last_tag < this._tag) { // the broker has forgotten the session: all that we hold is somebody else's
      this.unsettled.clear();
      for (const tag of [...this.held.keys()]) this._lose(tag, 409);
    } else if (told.last_tag > this._tag) { // these were lost on their way to us
      const fields = encodeFields({ through: told.last_tag });
      this._send(verbs.SETTLE, "", 0, [{ code: codes.release, id: this._tag + 1, fields, body: noOctets }]);
    }
    this._tag = told.last_tag;
    this._publishing = [...this.unanswered.values()];
    this._refused.clear();
    this._settling = [...this.unsettled.values()]; // see _lose()
    this._sendDue();
  }

  _takeRecords(verb, name, number, records) {
    if (verb === verbs.DRAIN) this.draining = true;
    if (verb === verbs.DELIVER) {
      const deadline = now() + number;
      for (const record of records) {
        const one = new Delivery(this, name, number, deadline, record);
        this.held.set(record.id, one);
        this._buffer.push(one);
        this._tag = record.id;
      }
      this._extendAt = Math.min(this._extendAt, deadline - number / 2);
    } else if (verb === verbs.REPLY && this.unanswered.has(number)) {
      const one = this.unanswered.get(number), { code, id, fields, body } = records[0];
      one.parts = code < 300 ? [...one.parts.slice(0, id), body] : []; // index 0 again: a new attempt, its parts are void
      if (code !== 206) Object.assign(one, { reply: code, text: decodeFields(fields).text ?? "" });
      this._forget(one);
    } else if (verb === verbs.CONFIRM || verb === verbs.LOST) {
      if (verb === verbs.CONFIRM) this._window = Math.max(this._window, number);
      for (const { code, id, fields: encoded } of records.reverse()) { // backwards, for what goes back to the front
        const fields = decodeFields(encoded);
        this._octetsMax = Math.max(this._octetsMax, fields.bytes ?? 0);
        for (let one = fields.through ?? id; one >= id; one -= 1) {
          if (verb === verbs.LOST) this._lose(one, code);
          else if (code === 1000) this.unsettled.delete(one);
          else if (this.unanswered.has(one)) this._answer(this.unanswered.get(one), code, fields);
        }
      }
    }
  }

  _answer(one, status, fields) {
    if (status === 429 || status === 503 || (status >= 500 && now() < one.giveUp)) {
      const wait = fields.retry_after_ms ?? 100;
      this._hold = now() + wait;
      this._publishing.unshift(one);
      this._refused.add(one.sequence);
      setTimeout(() => this._soon(), wait + 1).unref(); // a draining broker may say a minute: no reason to live on for it
    } else {
      Object.assign(one, { status, text: fields.text ?? "" });
      this._refused.delete(one.sequence);
      this._forget(one);
    }
  }

  _forget(one) {
    if (one.done) this.unanswered.delete(one.sequence);
  }

  _lose(tag, status) {
    const one = this.held.get(tag) ?? this.unsettled.get(tag);
    this.held.delete(tag);
    this.unsettled.delete(tag);
    if (!one || (status === 409 && one.settledAt <= this._since)) return; // it was settled for the second time: that means nothing
    if (status === 409 || status === 504) this._buffer = this._buffer.filter((other) => other !== one);
    else this.held.set(tag, one);
    this.onLost(one, status);
  }
}

class Producer extends Client {}

class Worker extends Client {
  constructor(endpoint, queues, options = {}) {
    super(endpoint, { ...options, queues });
  }
}

module.exports = { Client, Producer, Worker, Refused, verbs, codes, encodeFields, decodeFields, encodeFrame, decodeFrame };
