"""The tools of people who change the service: check, fix, domain, migration."""
