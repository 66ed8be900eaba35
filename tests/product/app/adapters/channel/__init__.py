"""The channel manager: other sites that offer our rooms, and that have to know when one is taken."""
