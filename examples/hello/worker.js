#!/usr/bin/env node
const { Worker } = require("../clients/node/yardmaster.js");

async function main(endpoint = "tcp://127.0.0.1:5555") {
  const worker = new Worker(endpoint, ["hello"]);
  for await (const delivery of worker) delivery.ack(`hello, ${delivery.body}`);
}

main(process.argv[2]);
