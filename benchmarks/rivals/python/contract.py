"""The contract of ../README.md for a rival in Python: PROGRAM URL COMMAND WARM COUNT LENGTH RATE."""

import json
import os
import sys
import threading
import time


class Mark:
    """What the clock and this process' CPU said at an instant."""

    def __init__(self):
        self.seconds = time.monotonic()
        self.cpu = time.process_time()

    def since(self):
        now = Mark()
        return {"seconds": now.seconds - self.seconds, "cpu": now.cpu - self.cpu}


def run(rival):
    """Does the step that the command line asks for.

    A rival has version(), fill(tasks, payload), enqueue(payload), and work(handler), which never returns.
    """
    command = sys.argv[2]
    if command == "version":
        answer({"version": rival.version()})
    warm, count, length, rate = (int(number) for number in sys.argv[3:7])
    if command == "fill":
        payload = "x" * length
        rival.fill(warm, payload)
        begun = Mark()
        rival.fill(count, payload)
        answer(begun.since())
    elif command == "drain":
        rival.work(_Drain(warm, count))
    elif command == "latency":
        producer = threading.Thread(target=_produce, args=(rival, warm + count, length, rate), daemon=True)
        producer.start()
        rival.work(_Latency(warm, count))
    else:
        sys.exit(f"no command is called {command}")


def answer(facts):
    """Prints the answer and ends, wherever the loop of the rival is."""
    print(json.dumps(facts), flush=True)
    os._exit(0)


class _Drain:
    def __init__(self, warm, count):
        self.warm = warm
        self.all = warm + count
        self.handled = 0
        self.begun = None

    def __call__(self, payload):
        self.handled += 1
        if self.handled == self.warm:
            self.begun = Mark()
        elif self.handled == self.all:
            answer(self.begun.since())


class _Latency:
    def __init__(self, warm, count):
        self.warm = warm
        self.all = warm + count
        self.samples = []

    def __call__(self, payload):
        self.samples.append((time.monotonic_ns() - int(payload)) // 1000)
        if len(self.samples) == self.all:
            answer({"micros": self.samples[self.warm :]})


def _produce(rival, tasks, length, rate):
    origin = time.monotonic_ns() + 1_000_000_000
    for i in range(tasks):
        due = origin + i * 1_000_000_000 // rate
        left = due - time.monotonic_ns()
        if left > 0:
            time.sleep(left / 1e9)
        rival.enqueue(str(due).ljust(length))
