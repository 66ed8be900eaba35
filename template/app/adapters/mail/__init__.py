"""Mail: handed to an SMTP server, or written into a folder where there is no server to hand it to.

Each letter opens a connection of its own, so there is no part.py. Copy app/adapters/database/ for a client that stays
open.
"""
