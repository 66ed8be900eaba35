"""The load test: `make load` plays what people do to one instance; docs/load-test.md explains it."""
