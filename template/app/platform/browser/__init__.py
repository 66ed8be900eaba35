"""Browsers: sessions in cookies that no script reads, and the pages of other sites that may call."""
