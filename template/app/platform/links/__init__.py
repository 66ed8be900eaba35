"""Links in mails: each is good for one use, and only while what it proves is so."""
