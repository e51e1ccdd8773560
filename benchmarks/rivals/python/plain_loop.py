"""The plain loop of many articles: BLPOP, HSET the status, handle, HDEL it.

As the documentation of the client tells: with the parser hiredis and pipelines
(https://redis-py.readthedocs.io/en/stable/examples/pipeline_examples.html).
"""

import json
import sys

import contract
import redis

QUEUE = "sluice-bench"
STATUS = "sluice-bench-status"
PUSHES_PER_CALL = 1000


class PlainLoop:
    def __init__(self, url):
        self.redis = redis.Redis.from_url(url)
        self.last_id = 0

    def version(self):
        return f"redis-py {redis.__version__}, Python {sys.version.split()[0]}"

    def fill(self, tasks, payload):
        for first in range(0, tasks, PUSHES_PER_CALL):
            batch = [self._task(payload) for _ in range(min(PUSHES_PER_CALL, tasks - first))]
            with self.redis.pipeline(transaction=False) as pipe:
                pipe.hset(STATUS, mapping={task["id"]: "queued" for task in batch})
                pipe.rpush(QUEUE, *[json.dumps(task) for task in batch])
                pipe.execute()

    def enqueue(self, payload):
        task = self._task(payload)
        with self.redis.pipeline(transaction=False) as pipe:
            pipe.hset(STATUS, task["id"], "queued")
            pipe.rpush(QUEUE, json.dumps(task))
            pipe.execute()

    def work(self, handler):
        while True:
            popped = self.redis.blpop(QUEUE, timeout=1)
            if popped is None:
                continue
            task = json.loads(popped[1])
            self.redis.hset(STATUS, task["id"], "processing")
            handler(task["payload"])
            self.redis.hdel(STATUS, task["id"])

    def _task(self, payload):
        self.last_id += 1
        return {"id": f"t{self.last_id}", "payload": payload}


if __name__ == "__main__":
    contract.run(PlainLoop(sys.argv[1]))
