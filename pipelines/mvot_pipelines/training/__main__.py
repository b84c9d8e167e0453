"""``python -m mvot_pipelines.training``: ``mvot-train`` where nothing is installed."""

import sys

from mvot_pipelines.training.cli import main

sys.exit(main())
