"""What the tests stand on: real servers, a closed environment, factories."""
