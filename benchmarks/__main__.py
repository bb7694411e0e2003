"""`python -m benchmarks [name …]`: run all benchmarks or those named, one after the other."""

import argparse
import signal
import sys

from rich.console import Console

from benchmarks import claims, estimate, fairness, ingest, latency, limiter, overhead, saturation, steps, tokens

BENCHMARKS = {
    module.__name__.rpartition(".")[2]: module
    for module in (overhead, steps, latency, fairness, claims, ingest, estimate, limiter, tokens, saturation)
}


def main() -> None:
    """Exit code 0 whatever the figures say: they are for reading, not a test."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"of {', '.join(BENCHMARKS)}; all by default")
    for module in BENCHMARKS.values():
        module.options(parser)
    chosen = parser.parse_args()
    if unknown := set(chosen.names) - BENCHMARKS.keys():
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")
    for number in (signal.SIGINT, signal.SIGTERM):  # everything that was started ends with this
        signal.signal(number, signal.default_int_handler)
    console = Console(width=128 if not sys.stdout.isatty() else None)
    for name in chosen.names or BENCHMARKS:
        report = BENCHMARKS[name].run(chosen)
        report.show(console)
        console.print(f"{report.save()}\n", style="dim")


if __name__ == "__main__":
    main()
