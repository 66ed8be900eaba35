"""Bookings: a room is somebody's for some hours, once a manager of their company has confirmed it."""
