"""The rig: the service as production runs it, on a PostgreSQL that is thrown away. Whatever measures it starts here."""
