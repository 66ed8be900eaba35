"""CODE-1: what decides who may do it."""

from typing import Final

CRITICAL: Final = ("app/platform/personal_data/*",)
