"""What a service has to be given because it is told of payments."""

PRODUCTION = {"PAYMENTS_SECRET": "a secret of the payment provider of the tests"}
