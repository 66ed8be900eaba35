"""What is measured of a service that is told of payments."""
