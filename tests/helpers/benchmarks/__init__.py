"""For the tests of the benchmarks: sequences with ground truth."""
