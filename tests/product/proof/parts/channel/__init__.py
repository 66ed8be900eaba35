"""What is measured of a service that asks the channel manager."""
