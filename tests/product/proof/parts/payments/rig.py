"""How a service that is told of payments is measured."""

SETTINGS = {"PAYMENTS_SECRET": "a secret of the payment provider of the proof"}
