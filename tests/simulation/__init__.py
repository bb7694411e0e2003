"""Workers and a provider on a simulated clock: the real pacer, limiter and scripts, a real Valkey."""
