// The Node client, driven by lines of JSON: one command in, one answer out. See driver.py, which does the same for the Python client.
// Times come in seconds. `sleep` blocks the event loop, as a computation would.
"use strict";

const path = require("node:path");
const readline = require("node:readline");
const { Producer, Worker, Refused } = require(path.join(__dirname, "../../../examples/clients/node/yardmaster.js"));

const sleep = (seconds) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, seconds * 1000);
const fault = () => client.fault && [client.fault.status, client.fault.text];
let client = null;
const published = [], deliveries = new Map(), lost = [];

/** What the broker refuses for good is kept as the client's fault, and ends every wait. */
async function until(condition, seconds) {
  await client.until(condition, 1000 * seconds).catch(() => {});
  return Boolean(condition());
}

const commands = {
  producer({ endpoint, retry = 0, heartbeat = 0.1 }) {
    client = new Producer(endpoint, { name: "behaviour producer", retry: 1000 * retry, heartbeat: 1000 * heartbeat });
  },

  worker({ endpoint, queues, credit = 10, name = "behaviour worker", heartbeat = 0.1 }) {
    const onLost = (delivery, status) => lost.push([delivery.tag, status]);
    client = new Worker(endpoint, queues, { credit, name, heartbeat: 1000 * heartbeat, onLost });
  },

  publish({ to, bodies, size = 0, count = 1, ...fields }) {
    published.push(...client.publishMany(to, bodies ?? Array(count).fill("x".repeat(size)), fields));
    return { sequences: published.map((one) => one.sequence) };
  },

  async flush({ timeout, replies = false }) {
    return { done: await until(() => published.every((one) => (replies ? one.done : one.status !== null)), timeout) };
  },

  answers() {
    return { answers: published.filter((one) => one.status !== null).map((one) => [one.sequence, one.status, one.text]) };
  },

  replies() {
    const answered = published.filter((one) => one.reply !== null);
    return { replies: answered.map((one) => [one.sequence, one.reply, one.parts.map(String)]) };
  },

  async request({ to, body, timeout }) {
    try {
      return { status: 200, body: String(await client.request(to, body, { timeout: 1000 * timeout })) };
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      return { status: error.status, body: "" };
    }
  },

  async receive({ count, timeout }) {
    const end = Date.now() + 1000 * timeout, got = [];
    while (got.length < count && Date.now() < end && !client.fault) {
      for (const one of await client.receiveMany(count - got.length, Math.max(0, end - Date.now())).catch(() => [])) {
        deliveries.set(one.tag, one);
        const { fence, topic = "", key = "", headers: octets = {} } = one.fields;
        const headers = Object.fromEntries(Object.entries(octets).map(([name, value]) => [name, String(value)]));
        got.push({ tag: one.tag, attempt: one.attempt, queue: one.queue, body: String(one.body), headers, fence, topic, key });
      }
    }
    return { deliveries: got };
  },

  settle({ tags, how, reply = "", text = "", retry_after_ms = 0, sleep: seconds = 0 }) {
    sleep(seconds);
    if (how === "ack" && !reply && tags.length > 1) {
      const many = tags.map((tag) => deliveries.get(tag));
      const queued = many.map((one) => client.held.get(one.tag) === one);
      return { queued: client.ackMany(many) === queued.filter(Boolean).length ? queued : ["ackMany() miscounts"] };
    }
    const argument = { ack: reply, part: reply, nack: text, reject: text, throttle: retry_after_ms }[how];
    return { queued: tags.map((tag) => deliveries.get(tag)[how](argument)) };
  },

  async losses({ count, timeout }) {
    await until(() => lost.length >= count, timeout);
    return { lost };
  },

  state() {
    return { connected: client.connected, fault: fault(), held: client.held.size };
  },

  async wait_connected({ timeout }) {
    return { connected: await until(() => client.connected, timeout) };
  },

  sleep({ seconds }) {
    sleep(seconds);
  },

  async close({ timeout = 5 }) {
    await client.close(1000 * timeout);
  },
};

async function main() {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const { do: name, ...options } = JSON.parse(line);
    const answer = (await commands[name](options)) ?? {};
    process.stdout.write(`${JSON.stringify(answer, (_, value) => (typeof value === "bigint" ? Number(value) : value))}\n`);
  }
  process.exit(0);
}

main();
