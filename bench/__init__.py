"""Benchmarks: what is measured, how, and what came out is told in docs/bench.md."""
