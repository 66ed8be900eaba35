"""How a service that sends mail is measured: nobody reads any."""

# Nothing listens there: mails wait in a database that is dropped.
SETTINGS = {
    "MAIL_URL": "smtps://127.0.0.1:1",
    "MAIL_SENDER": "service@example.com",
    "MAIL_LINKS": "https://example.com",
}

# In place of the link in the mail; some data classes demand a confirmed address.
ADMIT = "INSERT INTO confirmed_addresses (account_id) SELECT unnest($1::uuid[]) ON CONFLICT DO NOTHING"
