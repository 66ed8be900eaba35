"""Payments: what the payment provider tells of bookings."""
