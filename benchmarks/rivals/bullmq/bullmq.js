// BullMQ behind the contract of ../README.md: node bullmq.js URL COMMAND WARM COUNT LENGTH RATE
//
// As its documentation tells: jobs are put in by addBulk (https://docs.bullmq.io/guide/queues/adding-bulks), a worker has
// a local concurrency (https://docs.bullmq.io/guide/workers/concurrency), ended jobs are removed
// (https://docs.bullmq.io/guide/workers/auto-removal-of-jobs).
'use strict';

const { Queue, Worker } = require('bullmq');

const QUEUE = 'sluice-bench';
const JOBS_PER_CALL = 1000;
const CONCURRENCY = 100;

const [url, command, ...numbers] = process.argv.slice(2);
const [warm, count, length, rate] = numbers.map(Number);
const connection = { host: new URL(url).hostname, port: Number(new URL(url).port), maxRetriesPerRequest: null };

// Microseconds of the clock that only goes forward.
const micros = () => Number(process.hrtime.bigint() / 1000n);

function mark() {
  return { micros: micros(), cpu: process.cpuUsage() };
}

function since(begun) {
  const cpu = process.cpuUsage(begun.cpu);
  return { seconds: (micros() - begun.micros) / 1e6, cpu: (cpu.user + cpu.system) / 1e6 };
}

function open() {
  return new Queue(QUEUE, { connection, defaultJobOptions: { removeOnComplete: true } });
}

function work(handler) {
  return new Worker(QUEUE, async job => handler(job.data.payload), { connection, concurrency: CONCURRENCY });
}

async function put(queue, tasks) {
  const payload = 'x'.repeat(length);
  for (let first = 0; first < tasks; first += JOBS_PER_CALL) {
    const size = Math.min(JOBS_PER_CALL, tasks - first);
    await queue.addBulk(Array.from({ length: size }, () => ({ name: 'noop', data: { payload } })));
  }
}

async function fill() {
  const queue = open();
  await put(queue, warm);
  const begun = mark();
  await put(queue, count);
  return since(begun);
}

function drain() {
  return new Promise(resolve => {
    let handled = 0;
    let begun;
    work(() => {
      handled += 1;
      if (handled === warm) {
        begun = mark();
      } else if (handled === warm + count) {
        resolve(since(begun));
      }
    });
  });
}

async function latency() {
  const queue = open();
  const samples = [];
  const all = new Promise(resolve => {
    work(payload => {
      samples.push(micros() - Number.parseInt(payload, 10));
      if (samples.length === warm + count) {
        resolve();
      }
    });
  });
  await queue.waitUntilReady();
  const origin = micros() + 500_000;
  for (let i = 0; i < warm + count; i++) {
    const due = origin + Math.floor((i * 1e6) / rate);
    // A timer wakes up to a millisecond late; the last of it is waited for by turns of the event loop.
    for (let left = due - micros(); left > 0; left = due - micros()) {
      await new Promise(left > 2_000 ? go => setTimeout(go, left / 1_000 - 1.5) : go => setImmediate(go));
    }
    queue.add('noop', { payload: String(due).padEnd(length) });
  }
  await all;
  return { micros: samples.slice(warm) };
}

async function version() {
  return { version: `BullMQ ${require('bullmq/package.json').version}, Node ${process.versions.node}` };
}

({ version, fill, drain, latency })[command]().then(
  answer => process.stdout.write(JSON.stringify(answer) + '\n', () => process.exit(0)),
  failure => {
    console.error(failure);
    process.exit(1);
  });
