"""What operations may take as a parameter: `csrf: CsrfTokens`."""

from typing import Annotated

from app.kit.state import kept
from app.platform.browser import csrf

CsrfTokens = Annotated[csrf.CsrfTokens, kept(csrf.CsrfTokens)]
"""Makes and checks CSRF tokens."""
