"""What each part of the service adds to what is measured of all of it; a part that is not there adds nothing.

The folder has the name of the part, and a file's name is its registration:

- `rig.py`: `SETTINGS`, what a measured service is told; optionally `ADMIT`, which lets the accounts $1 sign in.
- `strangers.py`: `refused(context, changing)`, the faults of whoever must not get in by this part (SEC-2).
- `decisions.py`: `called(context)`, what it decides and changes, each once, granted and refused (SEC-8).
- `queries.py`: `ARGUMENTS`, those of a statement that no column tells: `{"orders.search": {"words": "whiteboard"}}`.
- `caller.py`: `caller(context)`, who asks with a credential of this part (SEC-9).
- `critical.py`: `CRITICAL`, its files that authenticate and authorize (CODE-1).
"""
