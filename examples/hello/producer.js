#!/usr/bin/env node
const { Producer } = require("../clients/node/yardmaster.js");

async function main(endpoint = "tcp://127.0.0.1:5555") {
  const producer = new Producer(endpoint);
  console.log(String(await producer.request("hello", "world", { topic: "greeting" })));
  await producer.close();
}

main(process.argv[2]);
