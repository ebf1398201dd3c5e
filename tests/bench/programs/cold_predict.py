"""One execution environment's life until its first answer, isolated as on Lambda: event file, search path."""

import json
import sys

EVENT, *PATHS = sys.argv[1:]
sys.path[:0] = PATHS

from handler import handler  # noqa: E402 - after the search path


class Context:
    aws_request_id = "00000000-0000-0000-0000-000000000000"


with open(EVENT, encoding="utf-8") as file:  # noqa: PTH123 - pathlib would be in the figure
    answer = handler(json.load(file), Context())
if answer["statusCode"] != 200:
    raise SystemExit(answer["body"])
sys.stderr.write("answered\n")
sys.stderr.flush()
sys.stdin.read()
