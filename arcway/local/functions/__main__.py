"""`python -m arcway.local.functions`: hands the arguments to `arcway.local.functions.command`."""

import sys

from arcway.local.functions.command import main

sys.exit(main(sys.argv[1:]))
