"""The parts of ci/run-tests and ci/run-bench."""
