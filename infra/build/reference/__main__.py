"""``python -m infra.build.reference`` writes the pages.

With ``--check`` it only names those that are out of date, and then exits with 1.
"""

import os
import sys

from infra.build.layers import ROOT
from infra.build.reference.pages import outdated, pages


def main() -> int:
    late = outdated()
    if "--check" not in sys.argv:
        for path, text in pages().items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return 0
    for path in late:
        sys.stderr.write(
            f"{path.relative_to(ROOT)} is out of date: run `python -m infra.build.reference`{os.linesep}"
        )
    return 1 if late else 0


if __name__ == "__main__":
    sys.exit(main())
