"""How a service with a second factor is measured: who is measured signs in by password."""

SETTINGS = {"SECOND_FACTOR_FOR": "nobody"}
