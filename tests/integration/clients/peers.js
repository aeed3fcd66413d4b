// A producer and a worker with the Node client, as kinds.py wants them.
//
// usage: node peers.js producer ENDPOINT ADDRESS < LINES     publishes each line as a request, prints "LINE STATUS REPLY" for each
//        node peers.js worker ENDPOINT QUEUE [MS]            answers with the body in capitals, after as many ms, until SIGTERM
"use strict";

const fs = require("node:fs");
const path = require("node:path");
const { Producer, Worker } = require(path.join(__dirname, "../../../examples/clients/node/yardmaster.js"));

async function produce(endpoint, address) {
  const producer = new Producer(endpoint, { name: "node producer" });
  const lines = fs.readFileSync(0, "utf8").split("\n").slice(0, -1);
  await Promise.all(lines.map(async (line) => {
    const one = producer.publish(address, line, { reply: true });
    await producer.wait(one);
    console.log(`${one.sequence} ${one.reply ?? one.status} ${one.parts.at(-1) ?? ""}`);
  }));
  await producer.close();
}

async function work(endpoint, queue, milliseconds = 0) {
  const worker = new Worker(endpoint, [queue], { credit: 10, name: "node worker" });
  let going = true;
  process.on("SIGTERM", () => (going = false));
  while (going) {
    const one = await worker.receive(100);
    if (one === null) continue;
    await new Promise((resolve) => setTimeout(resolve, milliseconds));
    one.ack(one.body.toString().toUpperCase());
  }
  await worker.close();
}

const [role, ...words] = process.argv.slice(2);
({ producer: produce, worker: work })[role](...words);
