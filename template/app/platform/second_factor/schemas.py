"""The shapes of second factors."""

from typing import Annotated

from pydantic import Field, SecretStr

from app.kit.schemas import In, Out

Code = Annotated[
    SecretStr,
    Field(max_length=50, description="Six digits from your authenticator app, or a recovery code", examples=["287082"]),
]
Password = Annotated[SecretStr, Field(max_length=128, description="Your own", examples=["correct horse battery 7"])]


class SecondFactorBegin(In):
    """The proof that it is the owner who sets up a second factor."""

    password: Password


class SecondFactorConfirm(In):
    """A first code of the app."""

    code: Code


class SecondFactorProof(In):
    """The proof that it is the owner who changes a second factor."""

    password: Password
    code: Code


class SecondFactorRead(Out):
    """Whether you have a second factor."""

    active: bool
    recovery_codes_left: int


class Enrolment(Out):
    """What an authenticator app needs."""

    secret: str = Field(description="For an app that can't scan: base32, SHA-1, six digits, 30 seconds")
    address: str = Field(description="`otpauth://…`: show it as a QR code")


class RecoveryCodes(Out):
    """Codes for whoever has lost their app; each is good for one use, and they are shown this once."""

    recovery_codes: list[str]
