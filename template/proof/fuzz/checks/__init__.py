"""The checks of `make standards` that send made-up requests."""
