"""The entry point of the training image; all it does is in shelflife.training.job.

SIGTERM is taken over before anything heavy is imported: numpy and its like start threads.
"""

import os
import sys

from shelflife.training.job.contract import Tree
from shelflife.training.job.terminate import end_on_sigterm

if __name__ == "__main__":
    end_on_sigterm(Tree.of(os.environ))
    from shelflife.training.job.run import main

    sys.exit(main())
