// One end of a measured load with the Node client. See run.py for what it prints.
//
// usage: load.js publish|work one|many ENDPOINT MESSAGES
"use strict";

const path = require("node:path");
const readline = require("node:readline");
const { Producer, Worker } = require(path.join(__dirname, "..", "..", "..", "examples", "clients", "node", "yardmaster.js"));

const BODY = 100, BATCH = 100, CREDIT = 2000, TOPIC = "job.load";

function now() {
  const { user, system } = process.cpuUsage();
  return { ns: process.hrtime.bigint(), cpu: (user + system) / 1e6 };
}

async function waitForGo() {
  console.log("ready");
  const lines = readline.createInterface({ input: process.stdin });
  await new Promise((resolve) => lines.once("line", resolve));
  lines.close();
  return now();
}

function bodyOf(number) {
  const body = Buffer.alloc(BODY);
  body.writeUInt32LE(number % 2 ** 32, 0);
  body.writeUInt32LE(Math.floor(number / 2 ** 32), 4);
  return body;
}

const numberOf = (body) => body.readUInt32LE(0) + body.readUInt32LE(4) * 2 ** 32;

async function publish(how, endpoint, messages) {
  const producer = new Producer(endpoint);
  await producer.until(() => producer.connected);
  const began = await waitForGo();
  let taken = 0, waiting = [];
  for (let first = 0; first < messages; first += BATCH) {
    const bodies = Array.from({ length: BATCH }, (_, i) => bodyOf(first + i));
    if (how === "many") waiting.push(...producer.publishMany("in", bodies, { topic: TOPIC }));
    else for (const body of bodies) waiting.push(producer.publish("in", body, { topic: TOPIC }));
    await producer.room();
    if (waiting.length >= 40 * BATCH) { // a program that looks at each answer
      await producer.wait(waiting[waiting.length / 2]);
      for (const one of waiting) taken += Number(one.done && one.ok);
      waiting = waiting.filter((one) => !one.done);
    }
  }
  await producer.flush();
  for (const one of waiting) taken += Number(one.ok);
  const ended = now();
  await producer.close();
  return [began, ended, taken, 0];
}

async function work(how, endpoint, messages) {
  const worker = new Worker(endpoint, ["jobs"], { credit: CREDIT });
  await worker.until(() => worker.connected);
  const began = await waitForGo();
  let seen = 0, sum = 0;
  while (seen < messages) {
    const batch = how === "many" ? await worker.receiveMany(BATCH) : [await worker.receive()];
    for (const one of batch) sum += numberOf(one.body);
    seen += batch.length;
    if (how === "many") worker.ackMany(batch);
    else batch[0].ack();
  }
  await worker.flush();
  const ended = now();
  await worker.close();
  return [began, ended, seen, sum];
}

async function main(role, how, endpoint, messages) {
  const [began, ended, count, sum] = await { publish, work }[role](how, endpoint, Number(messages));
  // A BigInt has no form in JSON; that of a number is what is wanted.
  console.log(`{"began": ${began.ns}, "ended": ${ended.ns}, "cpu": ${ended.cpu - began.cpu}, "count": ${count}, "sum": ${sum}}`);
}

main(...process.argv.slice(2));
