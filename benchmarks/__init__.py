"""asv suites; each also runs as a plain script."""
