"""What a vision job is, costs, needs and leaves behind.

Arithmetic (no I/O):     tokens · prices · presets · kinds · jobs
Infrastructure (async):  images · provider · limiter · storage · outbound
Use cases:               intake (take a job in, cancel, pause, resume, retry) · estimate (what a job would take)
Everything raises the errors of `vision.errors`; settings are read at the doors and handed down.
"""
