"""How a service that asks the channel manager is measured: nothing listens there."""

SETTINGS = {"CHANNEL_URL": "http://127.0.0.1:1", "CHANNEL_SECRET": "secret of the channel"}
