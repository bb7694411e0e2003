"""Workers and a provider on a simulated clock: the real pacer, limiter and scripts on a real Valkey, hours in seconds."""
