"""`python -m arcway_local.functions`: hands the arguments to `arcway_local.functions.command`."""

import sys

from arcway_local.functions.command import main

sys.exit(main(sys.argv[1:]))
