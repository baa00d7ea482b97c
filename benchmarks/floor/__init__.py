"""A bare Django site with one view, what a booking costs at the very least: a yardstick for benchmarks."""
