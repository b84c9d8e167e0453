"""``python -m mvot_pipelines.cli`` is the command ``mvot-run``."""

import sys

from mvot_pipelines.cli import main

sys.exit(main())
