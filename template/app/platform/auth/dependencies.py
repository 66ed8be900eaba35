"""What operations may take as a parameter: `tokens: Tokens`."""

from typing import Annotated

from fastapi import Depends

from app.kit.state import kept
from app.platform.auth import devices, tokens

Tokens = Annotated[tokens.Tokens, kept(tokens.Tokens)]
"""Issues and verifies access tokens, and knows which credentials were revoked."""

Device = Annotated[devices.Device, Depends(devices.device)]
"""Where a request comes from, as far as it may be kept."""
