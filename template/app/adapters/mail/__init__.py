"""Mail: handed to an SMTP server, or written into a folder where there is no server to hand it to."""
