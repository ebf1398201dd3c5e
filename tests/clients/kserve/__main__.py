"""The acceptance list with kserve's REST client: ``python -m tests.clients.kserve < given``."""

from tests.clients.kserve import checks
from tests.clients.kserve.calls import check

#: It has written its checks down.
LISTS = (checks,)

if __name__ == "__main__":
    check.run()
