"""What no column tells of the statements on bookings."""

ARGUMENTS = {"bookings.search": {"words": "whiteboard"}, "bookings.tell": {"told": "{}"}}
