"""Vision jobs: arithmetic, storage, providers and use cases.

Arithmetic (no I/O):     tokens · prices · presets · kinds · jobs
Infrastructure (async):  images · provider · limiter · storage · outbound
Use cases:               intake (submit, cancel, pause, resume, retry) · estimate
Everything raises the errors of `vision.errors`; settings are read where a process starts, and passed down.
"""
