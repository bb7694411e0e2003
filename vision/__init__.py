"""What a vision job is, costs, needs and leaves behind.

Arithmetic (no I/O):     tokens · prices · presets · answers · shapes · manifest · lifecycle · retries · webhooks · ids
Infrastructure (async):  images · provider · limiter · storage · queue
Use case:                intake (take a job in, cancel, pause, resume, retry)
Everything raises the errors of `vision.errors`; settings are read at the doors and handed down.
"""
