// The JavaScript engine's own process: node worker.cjs PACKAGES FLOW WARM_UPS REPETITIONS SECONDS_MAX
// Prints the same JSON object as bench/engine/timing.py makes for Python engines.
"use strict";
const fs = require("node:fs");
const path = require("node:path");
const { performance } = require("node:perf_hooks");

const [packages, flowFile, warmUps, repetitions, secondsMax] = process.argv.slice(2);
const { OrderBook } = require(path.join(packages, "node_modules", "nodejs-order-book"));

const KINDS = ["rest", "take", "cancel", "modify"];
const SIDES = ["buy", "sell"];
const CHUNK = 500; // calls between two looks at the clock
const CLOCK_SAMPLES = 2000;

const [head, ...lines] = fs.readFileSync(flowFile, "utf8").trimEnd().split("\n");
const [setup] = head.split(" ").map(Number);
const messages = lines.map((line) => line.split(" ").map(Number));
const NOTHING = { trades: 0, volume: 0 };

// A call as a user of the library writes it; options are made before the clock starts.
function callOf(book, [kind, order, side, price, quantity, ioc]) {
  const id = String(order);
  if (kind === 2) return () => book.cancel(id);
  if (kind === 3) {
    const update = { price, size: quantity };
    return () => book.modify(id, update);
  }
  const options = { id, side: SIDES[side], size: quantity, price, timeInForce: ioc ? "IOC" : "GTC" };
  return () => book.limit(options);
}

function filled() {
  const book = new OrderBook();
  const calls = messages.map((message) => callOf(book, message));
  const { played } = play(calls.slice(0, setup));
  if (played < setup) throw new Error(`too slow: only ${played} of the book's ${setup} orders rested`);
  return calls.slice(setup);
}

function play(calls) {
  let ms = 0;
  let played = 0;
  while (played < calls.length && ms < 1000 * secondsMax) {
    const end = Math.min(played + CHUNK, calls.length);
    const began = performance.now();
    for (let at = played; at < end; at++) calls[at]();
    ms += performance.now() - began;
    played = end;
  }
  return { seconds: ms / 1000, played };
}

// `done` has makers that are filled, and the taker if it is; `partial` is a maker, or what rests of the taker.
function traded([kind, order, , , quantity], result) {
  if (kind === 2) return NOTHING;
  if (result.err) throw result.err;
  const id = String(order);
  const makers = result.done.filter((done) => done.id !== id).length;
  const partial = result.partial !== null && result.partial.id !== id ? 1 : 0;
  return { trades: makers + partial, volume: makers + partial ? quantity - result.quantityLeft : 0 };
}

function clockCostNs() {
  let ms = 0;
  for (let sample = 0; sample < CLOCK_SAMPLES; sample++) {
    const began = performance.now();
    ms += performance.now() - began;
  }
  return (1e6 * ms) / CLOCK_SAMPLES;
}

function inspect() {
  const calls = filled();
  const spentNs = [0, 0, 0, 0];
  const counts = [0, 0, 0, 0];
  const ends = performance.now() + 1000 * secondsMax;
  let [trades, volume, played] = [0, 0, 0];
  for (const call of calls) {
    const message = messages[setup + played];
    const began = performance.now();
    const result = call();
    spentNs[message[0]] += 1e6 * (performance.now() - began);
    counts[message[0]] += 1;
    const more = traded(message, result);
    trades += more.trades;
    volume += more.volume;
    played += 1;
    if (performance.now() > ends) break;
  }
  const clockNs = clockCostNs();
  const means = KINDS.map((kind, at) => [kind, Math.round(spentNs[at] / counts[at] - clockNs)]);
  const kindsNs = Object.fromEntries(means.filter(([, ns]) => !Number.isNaN(ns)));
  return { kinds_ns: kindsNs, inspected: played, trades, volume_lots: volume };
}

function run() {
  const { seconds, played } = play(filled());
  return [seconds, played];
}

try {
  for (let warmUp = 0; warmUp < warmUps; warmUp++) run();
  const runs = Array.from({ length: Number(repetitions) }, run);
  console.log(JSON.stringify({ runs, ...inspect() }));
} catch (error) {
  console.log(JSON.stringify({ failed: error.message }));
}
