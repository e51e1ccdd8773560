"""RQ, with the worker that does not fork for each job, as its notes on performance tell.

https://github.com/rq/rq/blob/master/docs/benchmark.md (SimpleWorker), https://python-rq.org/docs/ (Bulk Job Enqueueing),
https://python-rq.org/docs/results/ (no result is kept).
"""

import logging
import sys

import contract
import redis
import rq
from rq.serializers import JSONSerializer

JOBS_PER_CALL = 1000
TARGET = "rq_worker.handle"


def handle(payload):
    # The worker imports this module by its name; what runs is __main__.
    sys.modules["__main__"].handler(payload)


handler = None


class Rq:
    def __init__(self, url):
        self.redis = redis.Redis.from_url(url)
        self.queue = rq.Queue("sluice-bench", connection=self.redis, serializer=JSONSerializer)

    def version(self):
        return f"RQ {rq.VERSION}, Python {sys.version.split()[0]}"

    def fill(self, tasks, payload):
        for first in range(0, tasks, JOBS_PER_CALL):
            size = min(JOBS_PER_CALL, tasks - first)
            self.queue.enqueue_many(
                [rq.Queue.prepare_data(TARGET, args=(payload,), result_ttl=0) for _ in range(size)]
            )

    def enqueue(self, payload):
        self.queue.enqueue(TARGET, payload, result_ttl=0)

    def work(self, handle_payload):
        global handler
        handler = handle_payload
        logging.disable(logging.CRITICAL)
        worker = rq.SimpleWorker([self.queue], connection=self.redis, serializer=JSONSerializer, log_job_description=False)
        worker.work(logging_level="CRITICAL")


if __name__ == "__main__":
    contract.run(Rq(sys.argv[1]))
