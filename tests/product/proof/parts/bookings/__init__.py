"""What is measured of bookings."""
