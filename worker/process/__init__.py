"""One worker process: its event loop, the step by which Celery starts and stops it, and what is under way on it."""
