// The Node client passes every vector of core/wire, both ways.
//
// usage: NODE_PATH=BUILD/node/node_modules node --test node_client_test.js
"use strict";

const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
const test = require("node:test");

const root = path.join(__dirname, "../../..");
const yardmaster = require(path.join(root, "examples/clients/node/yardmaster.js"));
const { vectors } = JSON.parse(fs.readFileSync(path.join(root, "core/wire/vectors.json"), "utf8"));

/** Numbers from 2^53 on are texts in the file, and BigInts here. */
const numberOf = (value) => (typeof value === "string" && !Number.isSafeInteger(Number(value)) ? BigInt(value) : Number(value));
const nameHere = (field) => (field === "property" ? "headers" : field.replaceAll("-", "_"));
const mustRefuse = (field) => "bad" in field || ("tag" in field && field.tag < 0x80);
const octetsOf = (hex) => Buffer.from(hex, "hex");
const isGood = (vector) => !("error" in vector) && !vector.decoded.records.some((record) => "error" in record);

function valueOf(field) {
  if ("number" in field) return numberOf(field.number);
  return "text" in field ? field.text : octetsOf(field.hex);
}

function expectedFields(fields) {
  const wanted = {};
  for (const field of fields) {
    const name = "field" in field ? nameHere(field.field) : field.tag;
    if (name === "headers") (wanted.headers ??= {})[field.name] = Buffer.from(field.value);
    else wanted[name] = valueOf(field);
  }
  return wanted;
}

test("good frames are decoded", () => {
  for (const { name, hex, decoded } of vectors.filter(isGood)) {
    const frame = yardmaster.decodeFrame(octetsOf(hex));
    assert.equal(frame.verb, yardmaster.verbs[decoded.verb], name);
    assert.deepEqual([frame.name, frame.number, frame.flags], [decoded.name, numberOf(decoded.number), decoded.flags], name);
    assert.equal(frame.records.length, decoded.records.length, name);
    frame.records.forEach((record, i) => {
      const wanted = decoded.records[i];
      const body = "body_hex" in wanted ? octetsOf(wanted.body_hex) : Buffer.from(wanted.body);
      assert.deepEqual([record.code, record.id, Buffer.from(record.body)], [wanted.code, numberOf(wanted.id), body], name);
      if (wanted.fields.some(mustRefuse)) assert.throws(() => yardmaster.decodeFields(record.fields), yardmaster.Refused, name);
      else assert.deepEqual(yardmaster.decodeFields(record.fields), expectedFields(wanted.fields), name);
    });
  }
});

test("good frames are encoded", () => {
  let encoded = 0;
  for (const { name, hex, decoded } of vectors.filter(isGood)) {
    const frame = yardmaster.decodeFrame(octetsOf(hex));
    assert.equal(yardmaster.encodeFrame(frame.verb, frame.name, frame.number, frame.records, frame.flags).toString("hex"), hex, name);
    frame.records.forEach((record, i) => {
      const fields = decoded.records[i].fields;
      const distinct = fields.filter((field) => field.field !== "queue").map((field) => field.name ?? field.field);
      if (new Set(distinct).size < distinct.length || fields.some((field) => !field.field || mustRefuse(field))) return; // not to be said
      const given = expectedFields(fields);
      if ("queue" in given) given.queue = fields.filter((field) => field.field === "queue").map((field) => field.text); // a list repeats it
      assert.equal(yardmaster.encodeFields(given).toString("hex"), Buffer.from(record.fields).toString("hex"), name);
      encoded += fields.length;
    });
  }
  assert(encoded > 40);
});

test("malformed frames are refused with their status", () => {
  let refused = 0;
  for (const vector of vectors) {
    const octets = octetsOf(vector.hex);
    if ("error" in vector) {
      assert.throws(() => yardmaster.decodeFrame(octets), { status: vector.error.status }, vector.name);
      refused += 1;
    } else if (vector.decoded.records.some((record) => "error" in record)) {
      const decode = () => yardmaster.decodeFrame(octets).records.forEach((record) => yardmaster.decodeFields(record.fields));
      assert.throws(decode, yardmaster.Refused, vector.name);
      refused += 1;
    }
  }
  assert(refused > 30);
});
