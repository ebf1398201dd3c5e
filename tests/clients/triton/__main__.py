"""The acceptance list with tritonclient[http]: ``python -m tests.clients.triton < given``."""

from tests.clients.triton import forms, refusals, server, values
from tests.clients.triton.calls import check

#: Each has written its checks down.
LISTS = (server, values, forms, refusals)

if __name__ == "__main__":
    check.run()
