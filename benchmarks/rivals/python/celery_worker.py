"""Celery, with the pool that runs tasks in the worker's own process, and without results, as its notes on performance tell.

https://docs.celeryq.dev/en/stable/userguide/optimizing.html (prefetch limits), https://docs.celeryq.dev/en/stable/userguide/tasks.html
(ignore results you don't want), https://docs.celeryq.dev/en/stable/userguide/workers.html (--without-gossip, --without-mingle).
"""

import logging
import sys

import celery
import contract

QUEUE = "sluice-bench"


class Celery:
    def __init__(self, url):
        self.app = celery.Celery(broker=url)
        self.app.conf.update(
            task_default_queue=QUEUE,
            task_ignore_result=True,
            task_serializer="json",
            worker_prefetch_multiplier=64,
            worker_disable_rate_limits=True,
            worker_redirect_stdouts=False,
        )
        self.handler = None

        @self.app.task(name="noop")
        def noop(payload):
            self.handler(payload)

        self.task = noop

    def version(self):
        return f"Celery {celery.__version__}, Python {sys.version.split()[0]}"

    def fill(self, tasks, payload):
        with self.app.producer_or_acquire() as producer:
            for _ in range(tasks):
                self.task.apply_async((payload,), producer=producer)

    def enqueue(self, payload):
        self.task.apply_async((payload,))

    def work(self, handler):
        self.handler = handler
        logging.disable(logging.CRITICAL)
        worker = self.app.Worker(
            pool="solo", without_gossip=True, without_mingle=True, without_heartbeat=True, quiet=True
        )
        worker.start()


if __name__ == "__main__":
    contract.run(Celery(sys.argv[1]))
