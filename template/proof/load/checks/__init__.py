"""One file for each row that can be measured: sec_2.py measures SEC-2, and is found by that name."""
