"""What Lambda's bootstrap does, isolated: the handler's name, then the search path, then AWS's client."""

import sys

HANDLER, *PATHS = sys.argv[1:]
sys.path[:0] = PATHS
sys.argv = ["bootstrap", HANDLER]

from awslambdaric.__main__ import main  # noqa: E402 - after the search path

main(sys.argv)
