"""``python -m scorekit`` is ``scorekit``."""

import sys

from scorekit.cli import main

sys.exit(main())
