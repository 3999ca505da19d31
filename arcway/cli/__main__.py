"""`python -m arcway.cli`, the same as `arcway`."""

import sys

from arcway.cli.main import main

sys.exit(main())
