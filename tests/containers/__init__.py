"""docker-compose.yaml on a container engine, while its parts fail: `make compose-test`."""
