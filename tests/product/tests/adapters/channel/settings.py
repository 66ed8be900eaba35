"""What a service has to be given because it asks the channel manager: nothing listens there."""

PRODUCTION = {"CHANNEL_URL": "http://127.0.0.1:1", "CHANNEL_SECRET": "secret of the channel"}
