"""Occupancy: what anybody may know about bookings."""
