"""How a service that sends mail is measured: nobody reads any."""

# Nothing listens there: mails wait in a database that is dropped.
SETTINGS = {
    "MAIL_URL": "smtps://127.0.0.1:1",
    "MAIL_SENDER": "service@example.com",
    "MAIL_LINKS": "https://example.com",
}

# In place of the link in the mail; some data classes demand a confirmed address.
ADMIT = "UPDATE accounts SET email_verified_at = now() WHERE id = ANY($1::uuid[]) AND email_verified_at IS NULL"
